//! What holds for every answer: routes and methods, request ids, panics, CORS.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use serde_json::json;

use crate::ports::{INTERNALS, Panicking};
use crate::support::{Answer, KEY, World, get};

async fn ask(world: &World, method: Method, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("x-api-key", KEY);
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn an_unknown_route_is_404_in_our_shape() {
    let world = World::new().await;
    for uri in [
        "/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/upload/",
        "/api/v1/uploads",
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
async fn another_method_is_405_and_told_which_there_are() {
    let whole = World::new().await;
    // A function that serves one half is sent stray requests to the other, and answers them the same.
    let only_status = World::new().await.with(|api| (api.submit, api.set_changes) = (None, None));
    let only_upload = World::new().await.with(|api| (api.status, api.sets) = (None, None));
    for world in [&whole, &only_status, &only_upload] {
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
    let head = ask(&whole, Method::HEAD, "/api/v1/upload").await;
    assert_eq!((head.status.as_u16(), head.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn half_an_api_serves_its_half() {
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
async fn every_answer_has_a_request_id_and_a_sane_one_is_kept() {
    let world = World::new().await;
    let with_id = |id: &'static str| get("/nowhere").header("x-request-id", id).body(Body::empty()).expect("a request");
    assert_eq!(world.send(with_id("shop-42.a:b_c")).await.header("x-request-id"), "shop-42.a:b_c");
    for id in ["", "two words", "quote\"", "<script>"] {
        let given = world.send(with_id(id)).await;
        assert!(given.header("x-request-id").parse::<uuid::Uuid>().is_ok(), "{given:?}");
    }
    let first = ask(&world, Method::GET, "/nowhere").await;
    let second = ask(&world, Method::GET, "/nowhere").await;
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn nothing_that_is_answered_is_cached() {
    let world = World::new().await;
    for uri in ["/", "/api/v1/status", "/api/v1/upload", "/api/v1/params", "/api/v1/params/wall"] {
        assert_eq!(ask(&world, Method::GET, uri).await.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_panic_is_one_callers_500_and_tells_nothing() {
    let world = World::new().await.with(|api| api.keys = Arc::new(Panicking));
    let answer = ask(&world, Method::GET, "/api/v1/status").await;
    answer.is(500, r#"{"error":"internal","message":"The request could not be served."}"#);
    assert!(!answer.body.contains(INTERNALS));
    // The next one is served.
    assert_eq!(ask(&world, Method::GET, "/").await.status, 404);
}

fn preflight(origin: &str) -> Request<Body> {
    let request = Request::builder().method(Method::OPTIONS).uri("/api/v1/upload").header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "x-api-key,content-type").body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn pages_of_other_origins_are_let_in_only_where_they_are_named() {
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
    // An error too, or the page could not read why.
    let request = get("/api/v1/status").header("origin", "https://shop.example").body(Body::empty());
    let answer = named.send(request.expect("a request")).await;
    assert_eq!(
        (answer.status.as_u16(), allowed(&answer)),
        (401, Some(HeaderValue::from_static("https://shop.example")))
    );
    let exposed = answer.header("access-control-expose-headers");
    assert!(["etag", "retry-after", "x-request-id"].iter().all(|name| exposed.contains(name)), "{exposed}");

    let any = World::new().await.with(|api| api.cors_origins = origins(&["*"]));
    assert_eq!(allowed(&any.send(preflight("https://any.example")).await), Some(HeaderValue::from_static("*")));
}
