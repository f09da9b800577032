//! Routes and methods, and the layers around every response: request ids, log lines, panics, CORS.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use cutline_core::domain::keys::Secret;
use serde_json::json;
use tracing::subscriber::DefaultGuard;

use crate::failing_ports::{INTERNALS, Panicking};
use crate::support::{Answer, KEY, World, get};

async fn ask(world: &World, method: Method, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("x-api-key", KEY);
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn an_unknown_route_is_404() {
    let world = World::new().await;
    for uri in [
        "/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/upload/",
        "/api/v1/unknown",
        "/api/v2/upload",
        "/api/v1/params/",
        "/api/v1/params/a/b",
        "/files/a",
        "/%ff",
        "//",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let answer = ask(&world, method, uri).await;
            answer.is(404, r#"{"error":"not_found"}"#);
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
}

#[tokio::test]
async fn another_method_is_405_and_allow_lists_the_methods() {
    let complete = World::new().await;
    // A function that serves some routes answers stray requests to the others in the same way.
    let only_status = World::new().await.with(|api| (api.submit, api.set_changes) = (None, None));
    let only_upload = World::new().await.with(|api| (api.status, api.sets) = (None, None));
    for world in [&complete, &only_status, &only_upload] {
        for (uri, methods, allow) in [
            ("/api/v1/upload", [Method::GET, Method::PUT, Method::OPTIONS], "POST"),
            ("/api/v1/status", [Method::POST, Method::DELETE, Method::OPTIONS], "GET, HEAD"),
            ("/api/v1/params", [Method::PUT, Method::DELETE, Method::POST], "GET, HEAD"),
            ("/api/v1/params/Test-Api", [Method::POST, Method::PATCH, Method::OPTIONS], "GET, HEAD, PUT, DELETE"),
        ] {
            for method in methods {
                let answer = ask(world, method, uri).await;
                answer.is(405, r#"{"error":"method_not_allowed"}"#);
                assert_eq!(answer.header("allow"), allow);
            }
        }
    }
    let head = ask(&complete, Method::HEAD, "/api/v1/upload").await;
    assert_eq!((head.status.as_u16(), head.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn an_api_without_some_use_cases_serves_the_others() {
    let only_status = World::new().await.with(|api| (api.submit, api.set_changes) = (None, None));
    assert_eq!(ask(&only_status, Method::GET, "/api/v1/status").await.status, 422);
    assert_eq!(ask(&only_status, Method::GET, "/api/v1/params").await.status, 200);
    assert_eq!(ask(&only_status, Method::GET, "/api/v1/params/wall").await.status, 200);
    let only_upload = World::new().await.with(|api| (api.status, api.sets) = (None, None));
    assert_eq!(only_upload.upload_json(&json!({})).await.status, 422);
    assert_eq!(ask(&only_upload, Method::DELETE, "/api/v1/params/wall").await.status, 403);
    assert_eq!(ask(&only_upload, Method::PUT, "/api/v1/params/wall").await.status, 415);
}

#[tokio::test]
async fn every_response_has_a_request_id_and_keeps_a_safe_one() {
    let world = World::new().await;
    let with_id = |id: &'static str| get("/nowhere").header("x-request-id", id).body(Body::empty()).expect("a request");
    assert_eq!(world.send(with_id("shop-42.a:b_c")).await.header("x-request-id"), "shop-42.a:b_c");
    for id in ["", "two words", "quote\"", "<script>"] {
        let answer = world.send(with_id(id)).await;
        assert!(answer.header("x-request-id").parse::<uuid::Uuid>().is_ok(), "{answer:?}");
    }
    let first = ask(&world, Method::GET, "/nowhere").await;
    let second = ask(&world, Method::GET, "/nowhere").await;
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

/// Log lines, as written.
#[derive(Clone, Default)]
pub(crate) struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogBuffer {
    /// Collects what this thread logs, until the guard is dropped.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("text")
    }
}

#[tokio::test]
async fn logs_each_request_with_fields_and_without_its_query() {
    let (log, _guard) = LogBuffer::start();
    let panicking = World::new().await.with(|api| api.keys = Arc::new(Panicking));
    let request = |uri| {
        get(uri).header("x-request-id", "shop-42").header("x-api-key", KEY).body(Body::empty()).expect("a request")
    };
    // Another test may be the first to log such an event, on a thread without a subscriber. While there is only one
    // subscriber, tracing asks that thread alone whether anyone wants the event, and remembers the answer.
    panicking.send(request("/api/v1/status")).await;
    tracing::callsite::rebuild_interest_cache();
    log.clear();
    panicking.send(request("/nowhere?signature=secret")).await;
    panicking.send(request("/api/v1/status")).await;
    let log = log.text();
    let span = |path| format!(r#"request{{method=GET path="{path}" request_id="shop-42"}}: "#);
    for (path, event) in [
        ("/nowhere", "request finished status=404 ms="),
        ("/api/v1/status", "request handler panicked"),
        ("/api/v1/status", "request finished status=500 ms="),
    ] {
        let is_logged = |line: &str| line.contains(&span(path)) && line.contains(event);
        assert_eq!(log.lines().filter(|line| is_logged(line)).count(), 1, "{event}: {log}");
    }
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn logs_the_owner_and_the_short_id_of_the_key() {
    let (log, _guard) = LogBuffer::start();
    let world = World::new().await;
    // See above.
    ask(&world, Method::GET, "/api/v1/params").await;
    tracing::callsite::rebuild_interest_cache();
    log.clear();
    assert_eq!(ask(&world, Method::GET, "/api/v1/params").await.status, 200);
    let log = log.text();
    let fields = format!("owner=\"shop\" key=\"{}\"", Secret::from_caller(KEY).hash().id());
    let is_logged = |line: &str| line.contains(&fields) && line.contains("request finished status=200");
    assert_eq!(log.lines().filter(|line| is_logged(line)).count(), 1, "{fields}: {log}");
    assert!(!log.contains(KEY), "{log}");
}

#[tokio::test]
async fn responses_are_not_cached() {
    let world = World::new().await;
    for uri in ["/", "/api/v1/status", "/api/v1/upload", "/api/v1/params", "/api/v1/params/wall"] {
        assert_eq!(ask(&world, Method::GET, uri).await.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_panic_is_one_callers_500_and_reveals_nothing() {
    let world = World::new().await.with(|api| api.keys = Arc::new(Panicking));
    let answer = ask(&world, Method::GET, "/api/v1/status").await;
    answer.is(500, r#"{"error":"internal","message":"The request could not be served."}"#);
    assert!(!answer.body.contains(INTERNALS));
    // The next request is served.
    assert_eq!(ask(&world, Method::GET, "/").await.status, 404);
}

fn preflight(origin: &str) -> Request<Body> {
    let request = Request::builder().method(Method::OPTIONS).uri("/api/v1/upload").header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "x-api-key,content-type").body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn cors_allows_only_the_configured_origins() {
    let origins =
        |list: &'static [&'static str]| list.iter().copied().map(HeaderValue::from_static).collect::<Vec<_>>();
    let allowed = |answer: &Answer| answer.headers.get("access-control-allow-origin").cloned();

    let none = World::new().await;
    let answer = none.send(preflight("https://shop.example")).await;
    assert_eq!((answer.status.as_u16(), allowed(&answer)), (405, None));

    let named = World::new().await.with(|api| api.cors_origins = origins(&["https://shop.example"]));
    let answer = named.send(preflight("https://shop.example")).await;
    assert_eq!(
        (answer.status.as_u16(), allowed(&answer)),
        (200, Some(HeaderValue::from_static("https://shop.example")))
    );
    let headers = answer.header("access-control-allow-headers");
    assert!(
        ["x-api-key", "authorization", "content-type", "if-match", "if-none-match"]
            .iter()
            .all(|name| headers.contains(name)),
        "{headers}"
    );
    let methods = answer.header("access-control-allow-methods");
    assert!(["GET", "POST", "PUT", "DELETE"].iter().all(|method| methods.contains(method)), "{methods}");
    assert_eq!(allowed(&named.send(preflight("https://evil.example")).await), None);
    // Errors too, or the page could not read the reason.
    let request = get("/api/v1/status").header("origin", "https://shop.example").body(Body::empty());
    let answer = named.send(request.expect("a request")).await;
    assert_eq!(
        (answer.status.as_u16(), allowed(&answer)),
        (401, Some(HeaderValue::from_static("https://shop.example")))
    );
    let exposed = answer.header("access-control-expose-headers");
    assert!(
        ["content-disposition", "etag", "retry-after", "x-request-id", "ratelimit", "ratelimit-policy"]
            .iter()
            .all(|name| exposed.contains(name)),
        "{exposed}"
    );

    let any = World::new().await.with(|api| api.cors_origins = origins(&["*"]));
    assert_eq!(allowed(&any.send(preflight("https://any.example")).await), Some(HeaderValue::from_static("*")));
}
