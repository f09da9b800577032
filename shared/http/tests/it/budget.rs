//! The memory budget for bodies: which requests take from it, and which never block others.

use axum::body::{Body, Bytes};
use axum::http::Request;
use cutline_http::BodyBudget;
use futures::stream::{self, StreamExt};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

use crate::support::{Answer, Form, KEY, PNG, World, upload};

/// Too large for the budget of small bodies, in bytes.
const LARGE: usize = 300_000;

/// An API with memory for one large body.
async fn world() -> World {
    World::new().await.with(|api| api.budget = Some(BodyBudget::new(LARGE, 256_000)))
}

fn form() -> Form {
    let mut file = PNG.to_vec();
    file.resize(LARGE, 0);
    Form::new().text("mode", "background").file("cup.png", &file)
}

/// A large upload that starts with these bytes and never ends.
fn never_ending(start: &'static [u8], key: &str) -> Request<Body> {
    let start = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(start))]);
    let body = Body::from_stream(start.chain(stream::pending()));
    upload(Form::CONTENT_TYPE).header("x-api-key", key).body(body).expect("a request")
}

/// Sends a request that does not end, and lets it get as far as it can.
async fn start(world: &World, request: Request<Body>) -> JoinHandle<()> {
    let router = cutline_http::router(world.api.clone());
    let task = tokio::spawn(async move {
        crate::support::send(router, request).await;
    });
    sleep(Duration::from_secs(1)).await;
    assert!(!task.is_finished());
    task
}

fn assert_unavailable(answer: &Answer) {
    answer.is(503, r#"{"error":"unavailable","message":"The service is temporarily unavailable; try again later."}"#);
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test(start_paused = true)]
async fn large_bodies_wait_for_memory_and_small_ones_do_not() {
    let world = world().await;
    let stalled = start(&world, never_ending(b"--XX", KEY)).await;
    let small = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" });
    let waiting = async {
        assert_unavailable(&world.upload_form(&form()).await);
    };
    let meanwhile = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.upload_json(&small).await.status, 202);
        let form = Form::new().text("mode", "background").file("cup.png", PNG).body();
        let request = upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("content-length", form.len());
        assert_eq!(world.send(request.body(form.into()).expect("a request")).await.status, 202);
    };
    tokio::join!(waiting, meanwhile);
    assert!(!stalled.is_finished());
    stalled.abort();
    assert!(stalled.await.is_err());
    assert_eq!(world.upload_form(&form()).await.status, 202, "the memory is free again");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_valid_key_takes_no_memory() {
    let world = world().await;
    let keyless = start(&world, never_ending(b"--XX", "ck_nobody")).await;
    assert_eq!(world.upload_form(&form()).await.status, 202);
    assert!(!keyless.is_finished(), "its body is still being drained");
}

#[tokio::test(start_paused = true)]
async fn draining_a_refused_body_takes_no_memory() {
    let world = world().await;
    let refused = start(&world, never_ending(b"--XX\r\nno header\r\n\r\n", KEY)).await;
    assert_eq!(world.upload_form(&form()).await.status, 202);
    assert!(!refused.is_finished(), "its body is still being drained");
}

#[tokio::test(start_paused = true)]
async fn a_body_refused_unread_does_not_wait_for_memory() {
    let world = world().await.with(|api| api.max_file_bytes = LARGE);
    let _stalled = start(&world, never_ending(b"--XX", KEY)).await;
    let request = upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("content-length", "60000000");
    assert_eq!(world.send(request.body(Body::from("--XX")).expect("a request")).await.status, 413);
    assert_eq!(world.upload("text/plain", "--XX").await.status, 415);
}
