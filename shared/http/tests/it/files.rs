//! `GET /files/…`: signed links, as a server without an object store serves them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use cutline_core::ports::PortError;
use cutline_http::{FILES_PREFIX, LinkError, SignedFile, SignedFiles, router};
use futures::{StreamExt, stream};
use tower::ServiceExt;

use crate::failing_ports::INTERNALS;
use crate::support::{Answer, World, get};

/// Answers by the text of the link, and counts the pieces read from its files.
#[derive(Clone, Default)]
struct ScriptedFiles {
    pieces_read: Arc<AtomicUsize>,
}

impl ScriptedFiles {
    fn file(&self, len: u64, pieces: Vec<io::Result<Bytes>>) -> SignedFile {
        let pieces_read = Arc::clone(&self.pieces_read);
        let count = move |_: &io::Result<Bytes>| {
            pieces_read.fetch_add(1, Ordering::Relaxed);
        };
        let bytes = stream::iter(pieces).inspect(count).boxed();
        SignedFile { content_type: "image/webp", file_name: "background.webp".to_owned(), len, bytes }
    }
}

#[async_trait]
impl SignedFiles for ScriptedFiles {
    async fn open(&self, path_and_query: &str) -> Result<SignedFile, LinkError> {
        match path_and_query {
            "/files/jobs/a/b/background.webp?expires=1&signature=%2Fx" => {
                Ok(self.file(4, vec![Ok(Bytes::from_static(b"RI")), Ok(Bytes::from_static(b"FF"))]))
            }
            "/files/failing?signature=good" => {
                Ok(self.file(4, vec![Ok(Bytes::from_static(b"RI")), Err(io::Error::other(INTERNALS))]))
            }
            "/files/gone?signature=good" => Err(LinkError::NotFound),
            "/files/broken?signature=good" => Err(PortError::retry(INTERNALS).into()),
            _ => Err(LinkError::Forbidden),
        }
    }
}

async fn ask(method: Method, link: &str) -> Answer {
    ask_with(&ScriptedFiles::default(), method, link).await
}

async fn ask_with(files: &ScriptedFiles, method: Method, link: &str) -> Answer {
    world_with(files).await.send(request(method, link)).await
}

async fn world_with(files: &ScriptedFiles) -> World {
    World::new().await.with(|api| api.files = Some(Arc::new(files.clone())))
}

fn request(method: Method, link: &str) -> Request<Body> {
    get(&format!("{FILES_PREFIX}{link}")).method(method).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn a_valid_link_returns_the_file_without_a_key() {
    let link = "/jobs/a/b/background.webp?expires=1&signature=%2Fx";
    let answer = ask(Method::GET, link).await;
    answer.is(200, "RIFF");
    let head = ask(Method::HEAD, link).await;
    head.is(200, "");
    for answer in [answer, head] {
        assert_eq!(answer.header("content-type"), "image/webp");
        assert_eq!(answer.header("content-length"), "4");
        assert_eq!(answer.header("content-disposition"), "inline; filename=\"background.webp\"");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("sandbox;") && policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(answer.header("cache-control"), "private");
    }
}

#[tokio::test]
async fn reads_a_file_on_demand_and_not_at_all_for_head() {
    let files = ScriptedFiles::default();
    let link = "/jobs/a/b/background.webp?expires=1&signature=%2Fx";
    ask_with(&files, Method::HEAD, link).await.is(200, "");
    assert_eq!(files.pieces_read.load(Ordering::Relaxed), 0);
    let response = router(world_with(&files).await.api).oneshot(request(Method::GET, link)).await.expect("infallible");
    let mut body = response.into_body().into_data_stream();
    assert_eq!(files.pieces_read.load(Ordering::Relaxed), 0);
    assert_eq!(body.next().await.expect("a piece").expect("read"), "RI");
    assert_eq!(files.pieces_read.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_read_error_breaks_the_body_off() {
    let files = ScriptedFiles::default();
    let request = request(Method::GET, "/failing?signature=good");
    let response = router(world_with(&files).await.api).oneshot(request).await.expect("infallible");
    let pieces: Vec<_> = response.into_body().into_data_stream().collect().await;
    assert!(matches!(&pieces[..], [Ok(piece), Err(_)] if piece == "RI"), "{pieces:?}");
}

#[tokio::test]
async fn refuses_every_other_link() {
    let refused = r#"{"error":"forbidden","message":"The link was changed or has expired; ask for the status again."}"#;
    for link in ["/jobs/a/b/background.webp", "/..%2f..%2fetc%2fpasswd", "/%ff?signature=", "/gone?signature=bad"] {
        ask(Method::GET, link).await.is(403, refused);
    }
    ask(Method::GET, "/gone?signature=good").await.is(404, r#"{"error":"not_found"}"#);
    let broken = ask(Method::GET, "/broken?signature=good").await;
    broken.is(503, r#"{"error":"unavailable","message":"The service is temporarily unavailable; try again later."}"#);
    ask(Method::GET, "").await.is(404, r#"{"error":"not_found"}"#);
    let posted = ask(Method::POST, "/gone?signature=good").await;
    posted.is(405, r#"{"error":"method_not_allowed"}"#);
    assert_eq!(posted.header("allow"), "GET, HEAD");
}
