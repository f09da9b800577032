//! `PUT /uploads/…`: receiving files by signed links, as a server without an object store does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::http::request::Builder;
use axum::http::{Method, Request};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::upload::{ETag, Upload, UploadRequest};
use cutline_core::ports::{Clock, PortError, UploadObjects, Uploads};
use cutline_core::testing::MemoryUploads;
use cutline_core::usecases::StorageFull;
use cutline_http::{IncomingFile, SignedUploads, UploadError};
use futures::stream;
use serde_json::json;

use crate::direct_uploads::send;
use crate::failing_ports::INTERNALS;
use crate::support::{PNG, World, owner};

/// Makes the fault of a call.
type FaultMaker = fn() -> UploadError;

/// Receives files into memory. A link is good if its query is `good`.
#[derive(Clone)]
struct ScriptedUploads {
    uploads: Arc<MemoryUploads>,
    upload: Upload,
    fault: Option<FaultMaker>,
    /// How many files are being received.
    open: Arc<AtomicUsize>,
}

struct ScriptedFile {
    scripted: ScriptedUploads,
    bytes: Vec<u8>,
}

impl Drop for ScriptedFile {
    fn drop(&mut self) {
        self.scripted.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl SignedUploads for ScriptedUploads {
    async fn find(&self, path_and_query: &str) -> Result<Upload, UploadError> {
        let is_good = path_and_query == format!("/uploads/{}?good", self.upload.key);
        if is_good { Ok(self.upload.clone()) } else { Err(UploadError::Forbidden) }
    }

    async fn begin(&self, _: Upload) -> Result<Box<dyn IncomingFile>, UploadError> {
        match self.fault {
            Some(fault) => Err(fault()),
            None => {
                self.open.fetch_add(1, Ordering::SeqCst);
                Ok(Box::new(ScriptedFile { scripted: self.clone(), bytes: Vec::new() }))
            }
        }
    }
}

#[async_trait]
impl IncomingFile for ScriptedFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<ETag, UploadError> {
        let (key, request) = (self.scripted.upload.key, &self.scripted.upload.request);
        if self.bytes.len() as u64 != request.size {
            return Err(UploadError::WrongSize);
        }
        if !self.scripted.uploads.put(key, self.bytes.clone().into()) {
            return Err(UploadError::WrongDigest);
        }
        Ok(self.scripted.uploads.head(key).await?.expect("an object").etag)
    }
}

/// A world whose router receives the file of one upload.
async fn receiving(fault: Option<FaultMaker>) -> (World, ScriptedUploads) {
    let world = World::new().await;
    let request = UploadRequest {
        content_type: "image/png".parse().expect("a type"),
        size: PNG.len() as u64,
        sha256: Some(Digest::of(PNG)),
    };
    let key = "019c0000-0000-7000-8000-000000000001".parse().expect("a key");
    let upload = Upload { key, owner: owner(), request, created_at: world.clock.now() };
    world.uploads.open(&upload).await.expect("open");
    let scripted = ScriptedUploads { uploads: world.uploads.clone(), upload, fault, open: Arc::default() };
    let world = world.with(|api| {
        api.signed_uploads = Some(Arc::new(scripted.clone()));
        api.cors_origins = vec!["https://shop.example.com".parse().expect("an origin")];
    });
    (world, scripted)
}

/// A PUT with the announced headers, except for those in `changes`.
fn put(upload: &Upload, changes: &[(&str, Option<&str>)]) -> Builder {
    let length = upload.request.size.to_string();
    let announced = upload.headers();
    let headers = announced.iter().map(|(name, value)| (*name, value.as_str()));
    let headers = headers.chain([("Content-Length", length.as_str())]);
    let kept = headers.filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let added = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let request = Request::builder().method(Method::PUT).uri(format!("/uploads/{}?good", upload.key));
    kept.chain(added).fold(request, |request, (name, value)| request.header(name, value))
}

#[tokio::test]
async fn a_signed_put_stores_the_file_without_a_key() {
    let (world, scripted) = receiving(None).await;
    let answer = world.ask_with(put(&scripted.upload, &[]), PNG).await;
    answer.is(200, "");
    let stored = scripted.uploads.head(scripted.upload.key).await.expect("head").expect("an object");
    assert_eq!((answer.header("etag"), stored.size), (stored.etag.as_str(), PNG.len() as u64));
    assert_eq!(send(&world, &scripted.upload.key.to_string()).await.status, 202);
}

#[tokio::test]
async fn refuses_a_put_that_was_not_announced() {
    let (world, scripted) = receiving(None).await;
    let upload = &scripted.upload;
    let length = PNG.len().to_string();
    let must = |name: &str, value: &str| {
        let message = format!(
            "The header {name} must be {value}, as announced to POST /api/v1/uploads; send it, or request another upload."
        );
        json!({"error": "forbidden", "message": message}).to_string()
    };
    let (kind, checksum) = ("Content-Type", "x-amz-checksum-sha256");
    let digest = Digest::of(PNG).to_base64();
    for value in [Some("text/html"), Some("image/png; charset=utf-8"), None] {
        world.ask_with(put(upload, &[(kind, value)]), PNG).await.is(403, &must(kind, "image/png"));
    }
    for value in [Some("AAAA"), None] {
        world.ask_with(put(upload, &[(checksum, value)]), PNG).await.is(403, &must(checksum, &digest));
    }
    for value in [Some("5"), Some("-1"), Some("1000000000000"), Some("x"), None] {
        world.ask_with(put(upload, &[("Content-Length", value)]), PNG).await.is(403, &must("content-length", &length));
    }
    let twice = put(upload, &[]).header(kind, "image/png");
    world.ask_with(twice, PNG).await.is(403, &must(kind, "image/png"));

    let changed = "The link was changed or has expired; request another upload with POST /api/v1/uploads.";
    for uri in ["/uploads/x?good", "/uploads/../files/x", "/uploads/%2e%2e/x?good", "/uploads/?good"] {
        let answer = world.ask_with(put(upload, &[]).uri(uri), PNG).await;
        let expected = if uri == "/uploads/?good" { 404 } else { 403 };
        assert_eq!(answer.status.as_u16(), expected, "{uri}: {answer:?}");
        assert!(expected == 404 || answer.json()["message"] == changed, "{answer:?}");
    }
    let shorter = world.ask_with(put(upload, &[]), &PNG[1..]).await;
    let longer = world.ask_with(put(upload, &[]), [PNG, b"!"].concat()).await;
    for answer in [shorter, longer] {
        let message = "The file does not have the announced size; send it again, as a whole.";
        answer.is(400, &json!({"error": "bad_request", "message": message}).to_string());
    }
    let other: Vec<u8> = PNG.iter().rev().copied().collect();
    let message = "The file does not have the announced SHA-256; send it again, unchanged.";
    let body = json!({"error": "bad_request", "message": message}).to_string();
    world.ask_with(put(upload, &[]), other).await.is(400, &body);
    let broken = stream::iter([Ok(Bytes::from_static(&PNG[..5])), Err(io::Error::other("reset"))]);
    let message = json!({"error": "bad_request", "message": "The body ended early."}).to_string();
    world.ask_with(put(upload, &[]), Body::from_stream(broken)).await.is(400, &message);
    let posted = world.ask(put(upload, &[]).method(Method::POST)).await;
    assert_eq!((posted.status.as_u16(), posted.header("allow")), (405, "PUT"));
    assert_eq!(scripted.uploads.head(upload.key).await.expect("head"), None);
    assert_eq!(scripted.open.load(Ordering::SeqCst), 0, "every file that was begun was given up");
}

#[tokio::test]
async fn a_put_that_cannot_be_served_says_when_to_retry() {
    let cases: [(FaultMaker, u16, &str, &str); 3] = [
        (|| UploadError::Busy, 503, "unavailable", "5"),
        (|| UploadError::StorageFull(StorageFull { max_bytes: 5, used_bytes: 4 }), 507, "storage_full", "60"),
        (|| UploadError::Unavailable(PortError::retry(INTERNALS)), 503, "unavailable", "5"),
    ];
    for (fault, status, error, wait) in cases {
        let (world, scripted) = receiving(Some(fault)).await;
        let answer = world.ask_with(put(&scripted.upload, &[]), PNG).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (status, &json!(error)));
        assert_eq!(answer.header("retry-after"), wait);
        assert!(!answer.body.contains(INTERNALS), "{answer:?}");
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_put() {
    let (world, scripted) = receiving(None).await;
    let preflight = put(&scripted.upload, &[]).method(Method::OPTIONS).header("origin", "https://shop.example.com");
    let preflight = preflight
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type,x-amz-checksum-sha256");
    let answer = world.ask(preflight).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example.com");
    assert!(answer.header("access-control-allow-methods").contains("PUT"), "{answer:?}");
    assert!(answer.header("access-control-allow-headers").contains("x-amz-checksum-sha256"), "{answer:?}");
}
