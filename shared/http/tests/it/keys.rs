//! Who may ask: both headers, on both endpoints.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Builder;
use cutline_core::{DeliveryMode, Mode};

use crate::ports::Broken;
use crate::status::{job_in, queued};
use crate::support::{Answer, KEY, OTHER_KEY, REVOKED_KEY, World, get, upload};

const MISSING: &str = r#"{"error":"unauthorized","message":"API key missing"}"#;
const INVALID: &str = r#"{"error":"unauthorized","message":"API key invalid"}"#;

/// The same request, but for its key, to each endpoint. With a good key they are both 422.
async fn ask(world: &World, key: impl Fn(Builder) -> Builder) -> [Answer; 2] {
    let upload = key(upload("application/json")).body(Body::from("{}")).expect("a request");
    let status = key(get("/api/v1/status")).body(Body::empty()).expect("a request");
    [world.send(upload).await, world.send(status).await]
}

#[tokio::test]
async fn a_request_without_a_key_is_told_so() {
    let world = World::new().await;
    let keys: [fn(Builder) -> Builder; 4] = [
        |request| request,
        |request| request.header("x-api-key", ""),
        |request| request.header("authorization", "Basic c2hvcDpja19zaG9w"),
        |request| request.header("authorization", "Bearer "),
    ];
    for key in keys {
        for answer in ask(&world, key).await {
            answer.is(401, MISSING);
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="cutline""#);
        }
    }
}

#[tokio::test]
async fn an_unknown_or_revoked_key_is_invalid() {
    let world = World::new().await;
    for secret in ["ck_nobody", REVOKED_KEY] {
        for answer in ask(&world, |request| request.header("x-api-key", secret)).await {
            answer.is(401, INVALID);
        }
        for answer in ask(&world, |request| request.header("authorization", format!("Bearer {secret}"))).await {
            answer.is(401, INVALID);
        }
    }
    for answer in ask(&world, |request| request.header("x-api-key", b"\xff\xfe".as_slice())).await {
        answer.is(401, INVALID);
    }
}

#[tokio::test]
async fn both_headers_carry_a_key_and_the_preferred_one_counts() {
    let world = World::new().await;
    for answer in ask(&world, |request| request.header("x-api-key", KEY)).await {
        assert_eq!(answer.status, 422);
    }
    for answer in ask(&world, |request| request.header("authorization", format!("bearer {KEY}"))).await {
        assert_eq!(answer.status, 422);
    }
    let both = |first: &'static str, second: &'static str| {
        move |request: Builder| request.header("x-api-key", first).header("authorization", format!("Bearer {second}"))
    };
    for answer in ask(&world, both(KEY, "ck_nobody")).await {
        assert_eq!(answer.status, 422);
    }
    for answer in ask(&world, both("ck_nobody", KEY)).await {
        answer.is(401, INVALID);
    }
}

#[tokio::test]
async fn keys_that_cannot_be_looked_up_are_a_passing_fault() {
    let world = World::new().await.with(|api| api.keys = Arc::new(Broken));
    for answer in ask(&world, |request| request.header("x-api-key", KEY)).await {
        answer
            .is(503, r#"{"error":"unavailable","message":"The service does not answer right now; try again later."}"#);
        assert_eq!(answer.header("retry-after"), "5");
    }
}

#[tokio::test]
async fn another_owners_job_is_not_there() {
    let world = World::new().await;
    let id = job_in(&world, queued(Mode::Background, DeliveryMode::Url)).await;
    let ask = |key| get(&format!("/api/v1/status?job_id={id}")).header("x-api-key", key).body(Body::empty());
    assert_eq!(world.send(ask(KEY).expect("a request")).await.status, 200);
    world.send(ask(OTHER_KEY).expect("a request")).await.is(404, r#"{"error":"not_found"}"#);
}
