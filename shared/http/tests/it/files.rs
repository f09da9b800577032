//! GET /files/…: signed links, as the server without an object store serves them.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use cutline_core::ports::PortError;
use cutline_http::{FILES_PREFIX, Refused, SignedFile, SignedFiles};

use crate::ports::INTERNALS;
use crate::support::{Answer, World, get};

/// Answers by what the link says.
struct Scripted;

#[async_trait]
impl SignedFiles for Scripted {
    async fn open(&self, path_and_query: &str) -> Result<SignedFile, Refused> {
        match path_and_query {
            "/files/jobs/a/b/background.webp?expires=1&signature=%2Fx" => Ok(SignedFile {
                content_type: "image/webp",
                file_name: "background.webp".to_owned(),
                bytes: Bytes::from_static(b"RIFF"),
            }),
            "/files/gone?signature=good" => Err(Refused::NotFound),
            "/files/broken?signature=good" => Err(PortError::retry(INTERNALS).into()),
            _ => Err(Refused::Forbidden),
        }
    }
}

async fn ask(method: Method, link: &str) -> Answer {
    let world = World::new().await.with(|api| api.files = Some(Arc::new(Scripted)));
    world.send(get(&format!("{FILES_PREFIX}{link}")).method(method).body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_good_link_gives_the_file_without_a_key() {
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
        assert_eq!(answer.header("cache-control"), "private");
    }
}

#[tokio::test]
async fn every_other_link_is_refused_in_our_shape() {
    let refused = r#"{"error":"forbidden","message":"The link was changed or has expired; ask for the status again."}"#;
    for link in ["/jobs/a/b/background.webp", "/..%2f..%2fetc%2fpasswd", "/%ff?signature=", "/gone?signature=bad"] {
        ask(Method::GET, link).await.is(403, refused);
    }
    ask(Method::GET, "/gone?signature=good").await.is(404, r#"{"error":"not_found"}"#);
    let broken = ask(Method::GET, "/broken?signature=good").await;
    broken.is(503, r#"{"error":"unavailable","message":"The service does not answer right now; try again later."}"#);
    ask(Method::GET, "").await.is(404, r#"{"error":"not_found"}"#);
    let posted = ask(Method::POST, "/gone?signature=good").await;
    posted.is(405, r#"{"error":"method_not_allowed"}"#);
    assert_eq!(posted.header("allow"), "GET, HEAD");
}
