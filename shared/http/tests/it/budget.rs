//! The memory for bodies: who takes of it, and who cannot keep others from it.

use axum::body::{Body, Bytes};
use axum::http::Request;
use cutline_http::BodyBudget;
use futures::stream::{self, StreamExt};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

use crate::support::{Answer, Form, KEY, PNG, World, upload};

/// Too large for the lane of small bodies, in bytes.
const LARGE: usize = 300_000;

/// A world with memory for one large body.
async fn world() -> World {
    World::new().await.with(|api| api.budget = Some(BodyBudget::new(LARGE, 256_000)))
}

fn form() -> Form {
    let mut file = PNG.to_vec();
    file.resize(LARGE, 0);
    Form::new().text("mode", "background").file("cup.png", &file)
}

/// A large body that begins with these bytes and never ends.
fn never_ending(begin: &'static [u8], key: &str) -> Request<Body> {
    let begin = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(begin))]);
    let body = Body::from_stream(begin.chain(stream::pending()));
    upload(Form::CONTENT_TYPE).header("x-api-key", key).body(body).expect("a request")
}

/// Sends a request, and lets it come as far as it does.
async fn begin(world: &World, request: Request<Body>) -> JoinHandle<()> {
    let router = cutline_http::router(world.api.clone());
    let task = tokio::spawn(async move {
        crate::support::send(router, request).await;
    });
    sleep(Duration::from_secs(1)).await;
    assert!(!task.is_finished());
    task
}

fn is_refused_for_now(answer: &Answer) {
    answer.is(503, r#"{"error":"unavailable","message":"The service does not answer right now; try again later."}"#);
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test(start_paused = true)]
async fn a_large_body_waits_for_a_while_and_a_small_one_not_at_all() {
    let world = world().await;
    let held = begin(&world, never_ending(b"--XX", KEY)).await;
    let small = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" });
    let waiting = async {
        is_refused_for_now(&world.upload_form(&form()).await);
    };
    let meanwhile = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.upload_json(&small).await.status, 202);
        let form = Form::new().text("mode", "background").file("cup.png", PNG).body();
        let request = upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("content-length", form.len());
        assert_eq!(world.send(request.body(form.into()).expect("a request")).await.status, 202);
    };
    tokio::join!(waiting, meanwhile);
    assert!(!held.is_finished());
    held.abort();
    assert!(held.await.is_err());
    assert_eq!(world.upload_form(&form()).await.status, 202, "what was held is given back");
}

#[tokio::test(start_paused = true)]
async fn nobody_without_a_key_takes_any() {
    let world = world().await;
    let keyless = begin(&world, never_ending(b"--XX", "ck_nobody")).await;
    assert_eq!(world.upload_form(&form()).await.status, 202);
    assert!(!keyless.is_finished(), "its body is still being drained");
}

#[tokio::test(start_paused = true)]
async fn a_refused_body_is_drained_without_any() {
    let world = world().await;
    let refused = begin(&world, never_ending(b"--XX\r\nno header\r\n\r\n", KEY)).await;
    assert_eq!(world.upload_form(&form()).await.status, 202);
    assert!(!refused.is_finished(), "its body is still being drained");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_refused_unread_does_not_wait_for_any() {
    let world = world().await.with(|api| api.max_file_bytes = LARGE);
    let _held = begin(&world, never_ending(b"--XX", KEY)).await;
    let request = upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("content-length", "60000000");
    assert_eq!(world.send(request.body(Body::from("--XX")).expect("a request")).await.status, 413);
    assert_eq!(world.upload("text/plain", "--XX").await.status, 415);
}
