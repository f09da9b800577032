//! Who may ask: both headers, on every endpoint.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request};
use cutline_core::{DeliveryMode, Mode};
use futures::future::join_all;

use crate::ports::Broken;
use crate::status::{job_in, queued};
use crate::support::{Answer, KEY, OTHER_KEY, REVOKED_KEY, World, get, upload};

const MISSING: &str = r#"{"error":"unauthorized","message":"API key missing"}"#;
const INVALID: &str = r#"{"error":"unauthorized","message":"API key invalid"}"#;

/// The same request, but for its key, to each endpoint. With a good key they are all [`SERVED`].
async fn ask(world: &World, key: impl Fn(Builder) -> Builder) -> [Answer; 6] {
    let set = |method| Request::builder().method(method).uri("/api/v1/params/nothing");
    let put = set(Method::PUT).header("content-type", "application/json");
    let requests = [
        key(upload("application/json")).body(Body::from("{}")),
        key(get("/api/v1/status")).body(Body::empty()),
        key(get("/api/v1/params")).body(Body::empty()),
        key(set(Method::GET)).body(Body::empty()),
        key(put).body(Body::from("[]")),
        key(set(Method::DELETE)).body(Body::empty()),
    ];
    let answers = requests.map(|request| world.send(request.expect("a request")));
    join_all(answers).await.try_into().expect("as many answers")
}

/// How the requests of [`ask`] are answered once somebody is known to ask.
const SERVED: [u16; 6] = [422, 422, 200, 404, 422, 404];

#[track_caller]
fn are_served(answers: &[Answer; 6]) {
    assert_eq!(answers.each_ref().map(|answer| answer.status.as_u16()), SERVED);
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
    are_served(&ask(&world, |request| request.header("x-api-key", KEY)).await);
    are_served(&ask(&world, |request| request.header("authorization", format!("bearer {KEY}"))).await);
    let both = |first: &'static str, second: &'static str| {
        move |request: Builder| request.header("x-api-key", first).header("authorization", format!("Bearer {second}"))
    };
    are_served(&ask(&world, both(KEY, "ck_nobody")).await);
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
