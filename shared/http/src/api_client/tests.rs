//! The client against a server with scripted answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use serde_json::json;

use super::*;

/// A request as the server saw it: method, path and query, key, idempotency key, body.
type Seen = (String, String, Option<String>, Option<String>, Vec<u8>);

/// A server that answers every request alike.
struct Scripted {
    url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    async fn start(status: u16, headers: &'static [(&'static str, &'static str)], body: impl Into<Bytes>) -> Self {
        let (seen, body) = (Arc::new(Mutex::new(Vec::new())), body.into());
        let noted = Arc::clone(&seen);
        let answer = move |request: Request| {
            let (noted, body) = (Arc::clone(&noted), body.clone());
            async move {
                let (head, sent) = request.into_parts();
                let header = |name: &str| head.headers.get(name)?.to_str().ok().map(str::to_owned);
                let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
                let sent = to_bytes(sent, usize::MAX).await.expect("a body").to_vec();
                let seen = (head.method.to_string(), path, header("x-api-key"), header("idempotency-key"), sent);
                noted.lock().expect("not poisoned").push(seen);
                let builder =
                    headers.iter().fold(Response::builder(), |builder, (name, value)| builder.header(*name, *value));
                builder
                    .status(StatusCode::from_u16(status).expect("a status"))
                    .body(Body::from(body))
                    .expect("an answer")
            }
        };
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let url = format!("http://{}/base/", listener.local_addr().expect("an address")).parse().expect("a URL");
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, seen }
    }

    fn client(&self) -> ApiClient {
        ApiClient::new(&self.url, "ck_secret").expect("a client")
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

const JOB: &str = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";

#[tokio::test]
async fn sends_a_request_under_its_key_and_reads_the_job() {
    let server = Scripted::start(202, &[], json!({"job_id": JOB, "status": "queued", "new": 1}).to_string()).await;
    let body = json!({"file_url": "https://example.com/a.jpg"});
    let key = "batch/1".parse().expect("a key");
    let job = server.client().submit(&body, &key).await.expect("is accepted");
    assert_eq!(job.to_string(), JOB);
    let seen = server.seen();
    let (method, path, api_key, idempotency_key, sent) = &seen[0];
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/base/api/v1/upload"));
    assert_eq!((api_key.as_deref(), idempotency_key.as_deref()), (Some("ck_secret"), Some("batch/1")));
    assert_eq!(serde_json::from_slice::<Value>(sent).expect("JSON"), body);
}

#[tokio::test]
async fn reads_lists_and_statuses() {
    let listed =
        |status: &str| json!({"job_id": JOB, "status": status, "state": "x", "created_at": "2026-01-01T00:00:00Z"});
    let jobs = json!({"jobs": [listed("queued"), listed("pending_review"), listed("done")], "cursor": "a b"});
    let server = Scripted::start(200, &[], jobs.to_string()).await;
    let after = "2026-01-01T00:00:00.123Z".parse().expect("a time");
    let page = server.client().jobs(after, Some("x+y")).await.expect("a page");
    let statuses: Vec<_> = page.jobs.iter().map(ListedJob::status).collect();
    assert_eq!(statuses, [JobStatus::Pending, JobStatus::Held, JobStatus::Done]);
    assert_eq!(page.cursor.as_deref(), Some("a b"));
    let expected = "/base/api/v1/jobs?limit=1000&created_after=2026-01-01T00:00:00.123Z&cursor=x%2By";
    assert_eq!(server.seen()[0].1, expected);

    let links = |body: Value| async move {
        let server = Scripted::start(200, &[], body.to_string()).await;
        let report = server.client().status(JOB.parse().expect("an id")).await.expect("a status");
        (report.status(), report.links().into_iter().map(|(name, url)| (name, url.to_string())).collect::<Vec<_>>())
    };
    let (a, b) = ("https://x/a.png".to_owned(), "https://x/b.png".to_owned());
    let done = json!({"status": "done", "final_url": a});
    assert_eq!(links(done).await, (JobStatus::Done, vec![(None, a.clone())]));
    let done = json!({"status": "done", "final_url": null, "final_urls": {"background": a, "clipping": b}});
    let both = vec![(Some("background".to_owned()), a), (Some("clipping".to_owned()), b)];
    assert_eq!(links(done).await, (JobStatus::Done, both));
    let failed = json!({"status": "failed", "final_url": null, "error": {"code": "no_subject", "message": "none"}});
    assert_eq!(links(failed).await, (JobStatus::Failed, Vec::new()));
}

#[tokio::test]
async fn says_what_a_failure_means() {
    let fault = |status, headers, body: Value| async move {
        Scripted::start(status, headers, body.to_string()).await.client().check().await.expect_err("fails")
    };
    let limited = json!({"error": "rate_limited", "message": "slow down"});
    let expected = |retry_after| CallError::Temporary {
        code: "rate_limited".to_owned(),
        message: "slow down".to_owned(),
        retry_after,
    };
    assert_eq!(fault(429, &[("retry-after", "17")], limited.clone()).await, expected(Some(Duration::from_secs(17))));
    assert_eq!(fault(503, &[], limited).await, expected(None));
    for status in [401, 402, 403] {
        let error = fault(status, &[], json!({"error": "unauthorized", "message": "API key invalid"})).await;
        assert!(matches!(&error, CallError::Account { code, .. } if code == "unauthorized"), "{error:?}");
    }
    let details = json!({"error": "validation", "details": {"mode": ["No.", "Never."], "params": ["Unknown."]}});
    let CallError::Refused { code, message, fields } = fault(422, &[], details).await else { panic!("is refused") };
    assert_eq!((code.as_str(), message.as_str()), ("validation", "mode: No. Never.; params: Unknown."));
    assert_eq!(fields, ["mode", "params"]);
    let error = fault(301, &[("location", "https://example.com")], json!({})).await;
    assert!(error.to_string().contains("use the one that it leads to"), "{error}");
    let error = fault(404, &[], json!({"error": "not_found", "message": "none"})).await;
    assert!(matches!(&error, CallError::Refused { code, .. } if code == "not_found"), "{error:?}");
    let gateway = Scripted::start(502, &[], "<html>\u{1b}[2J</html>").await.client().check().await.expect_err("fails");
    assert!(gateway.to_string().contains("502") && !gateway.to_string().contains('\u{1b}'), "{gateway}");
}

#[tokio::test]
async fn only_the_api_refuses_a_request() {
    for (status, body) in [
        (200, "<html>a login page</html>"),
        (202, "{}"),
        (302, ""),
        (400, "<html>a proxy</html>"),
        (401, "{\"message\":\"Unauthorized\"}"),
        (403, "{\"message\":\"Forbidden\"}"),
        (404, "<html>a proxy</html>"),
        (404, "{\"error\":404}"),
        (422, "[]"),
    ] {
        let client = Scripted::start(status, &[], body).await.client();
        let (job, key) = (JOB.parse().expect("an id"), "batch/1".parse().expect("a key"));
        let errors = [
            client.status(job).await.map(drop).expect_err("fails"),
            client.submit(&json!({}), &key).await.map(drop).expect_err("fails"),
        ];
        for error in errors {
            assert!(
                matches!(&error, CallError::Temporary { code, .. } if code == INVALID_ANSWER),
                "{status} {body}: {error:?}"
            );
            let message = error.to_string();
            assert!(message.starts_with("the answer is ") || message.contains("redirects (302"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_a_temporary_fault_without_secrets() {
    let url = "http://127.0.0.1:1";
    let client = ApiClient::new(&url.parse().expect("a URL"), "ck_secret").expect("a client");
    let link = format!("{url}/a.png?signature=secret").parse().expect("a URL");
    for error in [client.check().await.expect_err("is gone"), client.download(&link).await.expect_err("is gone")] {
        assert!(matches!(&error, CallError::Temporary { code, .. } if code == "no_answer"), "{error:?}");
        assert!(!error.to_string().is_empty() && !error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn files_are_sent_and_read_without_the_key() {
    let server = Scripted::start(
        200,
        &[("content-disposition", "inline; filename=\"r_d.png\"; filename*=UTF-8''r%C3%B6d%2F.png")],
        "bytes",
    )
    .await;
    let headers = [("Content-Type".to_owned(), "image/jpeg".to_owned())].into();
    let grant = Grant { file_key: "k".to_owned(), upload_url: server.url.clone(), headers };
    server.client().put(&grant, Bytes::from_static(b"photo")).await.expect("is sent");
    let mut download = server.client().download(&server.url).await.expect("begins");
    assert_eq!(download.name().as_deref(), Some("röd/.png"));
    let mut bytes = Vec::new();
    while let Some(piece) = download.next().await.expect("reads") {
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(bytes, b"bytes");
    let seen = server.seen();
    assert_eq!((seen[0].0.as_str(), &seen[0].2, seen[0].4.as_slice()), ("PUT", &None, &b"photo"[..]));
    assert_eq!((seen[1].0.as_str(), &seen[1].2), ("GET", &None));
    let page = Scripted::start(200, &[("content-type", "Text/HTML; charset=utf-8")], "<html>a login page</html>").await;
    let error = page.client().download(&page.url).await.expect_err("is no file");
    assert!(matches!(&error, CallError::Temporary { code, .. } if code == INVALID_ANSWER), "{error:?}");
    // A link that has expired says nothing about the key.
    let expired = Scripted::start(403, &[], json!({"error": "forbidden", "message": "expired"}).to_string()).await;
    let error = expired.client().download(&expired.url).await.expect_err("has expired");
    assert!(matches!(&error, CallError::Refused { code, .. } if code == "forbidden"), "{error:?}");
}

#[test]
fn an_address_or_a_key_that_cannot_work_is_refused() {
    let refused = |url: &str, key: &str| {
        ApiClient::new(&url.parse().expect("a URL"), key).map(drop).map_err(|error| error.to_string())
    };
    for url in
        ["ftp://example.com", "https://me@example.com", "https://example.com?a", "https://example.com#a", "data:x"]
    {
        assert!(refused(url, "k").is_err_and(|error| error.contains("ends before /api/v1")), "{url}");
    }
    for key in ["", "a b", "ä", "a\n"] {
        assert!(refused("https://example.com", key).is_err_and(|error| error.contains("API key")), "{key:?}");
    }
    let client = ApiClient::new(&"https://example.com/".parse().expect("a URL"), "ck_secret").expect("a client");
    assert!(!format!("{client:?}").contains("ck_secret"));
}
