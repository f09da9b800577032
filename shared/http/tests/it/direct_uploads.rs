//! `POST /api/v1/uploads`, and jobs from a `file_key`.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::request::Builder;
use axum::http::{Method, Request};
use cutline_core::StorageKey;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::job::Source;
use cutline_core::domain::limits::{MAX_OPEN_UPLOADS, thousands};
use cutline_core::domain::upload::{KEY_LIFETIME, UploadKey};
use cutline_core::ports::Blobs as _;
use serde_json::{Value, json};

use crate::support::{Answer, Form, KEY, OTHER_KEY, PNG, READ_KEY, World, owner, upload};

const UNKNOWN: &str = "This file_key is unknown or has expired. Request another file_key with POST /api/v1/uploads, and \
                       upload the file again.";

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

pub(crate) async fn send(world: &World, key: &str) -> Answer {
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

#[tokio::test]
async fn an_upload_that_does_not_fit_under_the_cap_is_507() {
    let world = World::new().await.with_storage_cap(PNG.len() as u64);
    assert_eq!(grant(&world, &announced(PNG)).await.status, 201);
    let refused = grant(&world, &json!({"content_type": "image/png", "size": PNG.len() + 1})).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (507, &json!("storage_full")));
}

#[tokio::test]
async fn a_mask_can_be_a_direct_upload() {
    let world = World::new().await;
    let body = |key: &str| json!({"file_url": "https://example.com/cup.jpg", "mask_key": key, "mode": "background"});
    let granted = grant(&world, &announced(PNG)).await.json();
    let missing = "No file was uploaded under this mask_key. Send it with PUT to its upload_url first.";
    let early = world.upload_json(&body(granted["file_key"].as_str().expect("a key"))).await;
    early.is_invalid(json!({ "mask_key": [missing] }));
    let key = uploaded(&world, PNG).await;
    assert_eq!(world.upload_json(&body(&key.to_string())).await.status, 202);
    let job = world.store.all_jobs().remove(0);
    let mask = job.spec.mask_file().expect("a mask").id;
    let stored = world.blobs.get(&StorageKey::Mask { job: job.id, mask }).await.expect("get");
    assert_eq!(stored.as_deref(), Some(PNG));
}

#[tokio::test]
async fn a_mask_over_10_mb_is_refused() {
    let world = World::new().await;
    let bytes = Bytes::from([PNG, &vec![0; 10_000_000]].concat());
    let granted = grant(&world, &announced(&bytes)).await.json();
    let key: UploadKey = granted["file_key"].as_str().expect("a key").parse().expect("a key");
    assert!(world.uploads.put(key, bytes.clone()));
    let body = json!({"file_url": "https://example.com/cup.jpg", "mask_key": key, "mode": "background"});
    let message = format!(
        "The mask has {} bytes, and may have 10,000,000. Save it as a grayscale PNG, and upload that.",
        thousands(bytes.len() as u64)
    );
    world.upload_json(&body).await.is_invalid(json!({ "mask_key": [message] }));
    assert!(world.store.all_jobs().is_empty());
}

#[tokio::test]
async fn a_drawing_is_no_mask() {
    let world = World::new().await;
    let key = uploaded(&world, br#"<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>"#).await;
    let body = json!({"file_url": "https://example.com/cup.jpg", "mask_key": key, "mode": "background"});
    let message = "A drawing is no mask. Upload a PNG, or another picture of pixels.";
    world.upload_json(&body).await.is_invalid(json!({ "mask_key": [message] }));
    assert!(world.store.all_jobs().is_empty());
    assert_eq!(send(&world, &key.to_string()).await.status, 202, "it may be the photo");
}
