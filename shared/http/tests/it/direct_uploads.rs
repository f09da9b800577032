//! `POST /api/v1/uploads`, `PUT /uploads/…`, and jobs from a `file_key`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::http::request::Builder;
use axum::http::{Method, Request};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::Source;
use cutline_core::domain::limits::MAX_OPEN_UPLOADS;
use cutline_core::domain::upload::{ETag, KEY_LIFETIME, Upload, UploadKey, UploadRequest};
use cutline_core::ports::{Clock, PortError, UploadObjects, Uploads};
use cutline_core::testing::MemoryUploads;
use cutline_core::usecases::StorageFull;
use cutline_http::{IncomingFile, SignedUploads, UploadError};
use futures::stream;
use serde_json::{Value, json};

use crate::failing_ports::INTERNALS;
use crate::support::{Answer, Form, KEY, OTHER_KEY, PNG, READ_KEY, World, owner, upload};

const UNKNOWN: &str = "This file_key is unknown or has expired. Request another one with POST /api/v1/uploads, and upload \
                       the file again.";

fn grant_as(key: &str) -> Builder {
    let request = Request::builder().method(Method::POST).uri("/api/v1/uploads");
    let request = request.header("content-type", "application/json");
    if key.is_empty() { request } else { request.header("x-api-key", key) }
}

async fn grant(world: &World, body: &Value) -> Answer {
    world.ask_with(grant_as(KEY), body.to_string()).await
}

fn announced(bytes: &[u8]) -> Value {
    json!({"content_type": "image/png", "size": bytes.len()})
}

/// A key whose file was uploaded.
async fn uploaded(world: &World, bytes: &'static [u8]) -> UploadKey {
    let granted = grant(world, &announced(bytes)).await;
    let key = granted.json()["file_key"].as_str().expect("a key").parse().expect("a key");
    assert!(world.uploads.put(key, Bytes::from_static(bytes)));
    key
}

async fn send(world: &World, key: &str) -> Answer {
    world.upload_json(&json!({"file_key": key, "mode": "background"})).await
}

#[tokio::test]
async fn grants_an_upload() {
    let world = World::new().await;
    let answer = grant(&world, &announced(PNG)).await;
    let key = "019c0000-0000-7000-8000-000000000000";
    answer.is(
        201,
        &format!(
            r#"{{"file_key":"{key}","method":"PUT","upload_url":"https://uploads.invalid/uploads/{key}?signature=none","headers":{{"Content-Type":"image/png"}},"expires_at":"2026-05-28T21:26:40Z"}}"#
        ),
    );
    let digest = Digest::of(PNG);
    let body = json!({"content_type": "image/png", "size": PNG.len(), "sha256": digest.to_string()});
    let headers = &grant(&world, &body).await.json()["headers"];
    assert_eq!(*headers, json!({"Content-Type": "image/png", "x-amz-checksum-sha256": digest.to_base64()}));
}

#[tokio::test]
async fn only_a_full_key_gets_an_upload() {
    let world = World::new().await;
    let body = announced(PNG).to_string();
    assert_eq!(world.ask_with(grant_as(""), body.clone()).await.status, 401);
    let refused = world.ask_with(grant_as(READ_KEY), body.clone()).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (403, &json!("forbidden")));
    let other = world.ask(Request::builder().method(Method::PUT).uri("/api/v1/uploads").header("x-api-key", KEY)).await;
    assert_eq!((other.status.as_u16(), other.header("allow")), (405, "POST"));
    assert_eq!(world.uploads.open_uploads(&owner()), 0);

    let limited = world.with_rate_limit(1).await;
    assert_eq!(grant(&limited, &announced(PNG)).await.status, 201);
    let refused = grant(&limited, &announced(PNG)).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (429, &json!("rate_limited")));
}

#[tokio::test]
async fn refuses_invalid_announcements() {
    let world = World::new().await;
    let size = "This value must be the file's size in bytes, a whole number from 1 to 50,000,000.";
    for value in ["0", "-1", "50000001", "1e18", "1000000000000000000000", "\"x\"", "1.5", "[]", "true"] {
        let body = format!(r#"{{"content_type":"image/png","size":{value}}}"#);
        world.ask_with(grant_as(KEY), body).await.is_invalid(json!({ "size": [size] }));
    }
    let answer = grant(&world, &json!({"content_type": "text/html", "size": 0, "sha256": "abc"})).await;
    answer.is_invalid(json!({
        "content_type": ["This value must be the file's media type without parameters, such as image/jpeg or application/octet-stream."],
        "sha256": ["This value must be the file's SHA-256 as 64 hexadecimal digits."],
        "size": [size],
    }));
    let twice = world.ask_with(grant_as(KEY), r#"{"content_type":"image/png","size":1,"size":2}"#).await;
    twice.is_invalid(json!({ "size": ["This field was sent more than once."] }));
    for (body, status) in [("", 400), ("{", 400), ("[]", 400), (&" ".repeat(256_001), 413)] {
        assert_eq!(world.ask_with(grant_as(KEY), body.to_owned()).await.status.as_u16(), status);
    }
    let form = Request::builder().method(Method::POST).uri("/api/v1/uploads").header("x-api-key", KEY);
    let form = form.header("content-type", Form::CONTENT_TYPE);
    world
        .ask_with(form, Form::new().text("size", "1").body())
        .await
        .is(415, r#"{"error":"unsupported_media_type","message":"Send application/json."}"#);
    assert_eq!(world.uploads.open_uploads(&owner()), 0);
}

#[tokio::test]
async fn limits_the_open_uploads_of_an_owner() {
    let world = World::new().await;
    for _ in 0..MAX_OPEN_UPLOADS {
        assert_eq!(grant(&world, &announced(PNG)).await.status, 201);
    }
    world.clock.advance(Duration::from_millis(500));
    let refused = grant(&world, &announced(PNG)).await;
    let message = "Too many open uploads: 100 of yours have no job yet; send their file_key to /upload, or wait until the \
                   first one expires.";
    refused.is(429, &json!({"error": "too_many_uploads", "message": message}).to_string());
    assert_eq!(refused.header("retry-after"), "86400");
    assert_eq!(world.ask_with(grant_as(OTHER_KEY), announced(PNG).to_string()).await.status, 201, "another owner");
    world.clock.advance(KEY_LIFETIME);
    assert_eq!(grant(&world, &announced(PNG)).await.status, 201);
}

#[tokio::test]
async fn a_file_key_creates_a_job_in_both_encodings() {
    let world = World::new().await;
    let key = uploaded(&world, PNG).await;
    let accepted = send(&world, &key.to_string()).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let form = Form::new().text("file_key", &key.to_string()).text("mode", "background").file("", b"");
    assert_eq!(world.upload_form(&form).await.status, 202);
    for job in world.store.all_jobs() {
        assert!(matches!(&job.spec.source, Source::Upload { key: named, .. } if *named == key), "{job:?}");
    }
    assert_eq!(world.store.all_jobs().len(), 2);
    assert_eq!(world.uploads.open_uploads(&owner()), 0);
}

#[tokio::test]
async fn a_key_of_another_owner_is_an_unknown_one() {
    let world = World::new().await;
    let key = uploaded(&world, PNG).await.to_string();
    let as_other = upload("application/json").header("x-api-key", OTHER_KEY);
    let foreign = world.ask_with(as_other, json!({"file_key": key}).to_string()).await;
    let unknown = send(&world, "019c0000-0000-7000-8000-00000000ffff").await;
    unknown.is_invalid(json!({ "file_key": [UNKNOWN] }));
    assert_eq!((foreign.status, &foreign.body), (unknown.status, &unknown.body));
    world.clock.advance(KEY_LIFETIME);
    let expired = send(&world, &key).await;
    assert_eq!((expired.status, expired.body), (unknown.status, unknown.body));
    assert!(world.store.all_jobs().is_empty());
}

#[tokio::test]
async fn refuses_a_file_that_is_missing_or_no_picture() {
    let world = World::new().await;
    let key: UploadKey =
        grant(&world, &announced(PNG)).await.json()["file_key"].as_str().expect("a key").parse().expect("a key");
    let missing = "No file was uploaded under this file_key. Send it with PUT to its upload_url first.";
    send(&world, &key.to_string()).await.is_invalid(json!({ "file_key": [missing] }));
    world.uploads.put_unchecked(key, Some(Bytes::from_static(b"\x89PNG\r\n\x1A\n")));
    let wrong = format!("The uploaded file has 8 bytes, and {} were announced. Upload it again.", PNG.len());
    send(&world, &key.to_string()).await.is_invalid(json!({ "file_key": [wrong] }));
    let html = uploaded(&world, b"<html><script>alert(1)</script><svg/></html>").await;
    let kind =
        "The file is not a picture of a known kind. Send a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG picture.";
    send(&world, &html.to_string()).await.is_invalid(json!({ "file_key": [kind] }));
    let malformed = "This value must be a file_key that POST /api/v1/uploads returned.";
    for bad in ["x", "../sources/x", "uploads/019c0000-0000-7000-8000-000000000000", "%2e%2e", &"9".repeat(5_000)] {
        send(&world, bad).await.is_invalid(json!({ "file_key": [malformed] }));
    }
    assert!(world.store.all_jobs().is_empty() && world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let world = World::new().await;
    let key = uploaded(&world, PNG).await;
    let send = async || {
        let request = upload("application/json").header("x-api-key", KEY).header("idempotency-key", "a");
        world.ask_with(request, json!({"file_key": key}).to_string()).await
    };
    let first = send().await;
    let again = send().await;
    assert_eq!((first.status.as_u16(), again.status.as_u16(), &first.body), (202, 202, &again.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other: Vec<u8> = PNG.iter().rev().copied().collect();
    assert!(world.uploads.put(key, other.into()));
    let changed = send().await;
    assert_eq!(changed.status, 422);
    assert!(changed.json()["details"]["Idempotency-Key"].is_array(), "{changed:?}");
    assert_eq!(world.store.all_jobs().len(), 1);
}

/// Receives files into memory. A link is good if its query is `good`.
#[derive(Clone)]
struct ScriptedUploads {
    uploads: Arc<MemoryUploads>,
    upload: Upload,
    fault: Option<fn() -> UploadError>,
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
async fn receiving(fault: Option<fn() -> UploadError>) -> (World, ScriptedUploads) {
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
    let cases: [(fn() -> UploadError, u16, &str, &str); 3] = [
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

#[tokio::test]
async fn an_upload_that_does_not_fit_under_the_cap_is_507() {
    let world = World::new().await.with_storage_cap(PNG.len() as u64);
    assert_eq!(grant(&world, &announced(PNG)).await.status, 201);
    let refused = grant(&world, &json!({"content_type": "image/png", "size": PNG.len() + 1})).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (507, &json!("storage_full")));
}
