//! Authentication: both headers, on every endpoint.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request};
use cutline_core::{DeliveryMode, Mode};
use futures::future::join_all;

use crate::failing_ports::Broken;
use crate::jobs::{queued, store_job};
use crate::support::{Answer, KEY, OTHER_KEY, READ_KEY, REVOKED_KEY, World, get, upload};

const MISSING: &str = r#"{"error":"unauthorized","message":"API key missing"}"#;
const INVALID: &str = r#"{"error":"unauthorized","message":"API key invalid"}"#;

/// Sends a request with this key to each endpoint. With a valid key, the statuses are [`SERVED`].
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
    join_all(answers).await.try_into().expect("one answer per request")
}

/// The statuses of the requests of [`ask`] with a valid key.
const SERVED: [u16; 6] = [422, 422, 200, 404, 422, 404];

#[track_caller]
fn assert_served(answers: &[Answer; 6]) {
    assert_eq!(answers.each_ref().map(|answer| answer.status.as_u16()), SERVED);
}

#[tokio::test]
async fn a_request_without_a_key_is_401() {
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
async fn an_unknown_or_revoked_key_is_401() {
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
async fn both_headers_carry_a_key_and_x_api_key_wins() {
    let world = World::new().await;
    assert_served(&ask(&world, |request| request.header("x-api-key", KEY)).await);
    assert_served(&ask(&world, |request| request.header("authorization", format!("bearer {KEY}"))).await);
    let both = |first: &'static str, second: &'static str| {
        move |request: Builder| request.header("x-api-key", first).header("authorization", format!("Bearer {second}"))
    };
    assert_served(&ask(&world, both(KEY, "ck_nobody")).await);
    for answer in ask(&world, both("ck_nobody", KEY)).await {
        answer.is(401, INVALID);
    }
}

#[tokio::test]
async fn a_failing_key_store_is_503() {
    let world = World::new().await.with(|api| api.keys = Arc::new(Broken));
    for answer in ask(&world, |request| request.header("x-api-key", KEY)).await {
        answer
            .is(503, r#"{"error":"unavailable","message":"The service is temporarily unavailable; try again later."}"#);
        assert_eq!(answer.header("retry-after"), "5");
    }
}

#[tokio::test]
async fn another_owners_job_is_404() {
    let world = World::new().await;
    let id = store_job(&world, queued(Mode::Background, DeliveryMode::Url)).await;
    let ask = |key| get(&format!("/api/v1/status?job_id={id}")).header("x-api-key", key).body(Body::empty());
    assert_eq!(world.send(ask(KEY).expect("a request")).await.status, 200);
    world.send(ask(OTHER_KEY).expect("a request")).await.is(404, r#"{"error":"not_found"}"#);
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing() {
    let world = World::new().await;
    let id = store_job(&world, queued(Mode::Background, DeliveryMode::Url)).await;
    let body = r#"{"error":"forbidden","message":"This key has the scope read, which does not cover this request; use a key of scope full."}"#;
    let answers = ask(&world, |request| request.header("x-api-key", READ_KEY)).await;
    for (answer, served) in answers.iter().zip([403, 422, 200, 404, 403, 403]) {
        assert_eq!(answer.status, served, "{answer:?}");
        if served == 403 {
            answer.is(403, body);
        }
    }
    for (method, path, status) in [(Method::GET, "", 200), (Method::POST, "/retry", 403), (Method::DELETE, "", 403)] {
        let request = Request::builder().method(method).uri(format!("/api/v1/jobs/{id}{path}"));
        assert_eq!(world.ask(request.header("x-api-key", READ_KEY)).await.status, status);
    }
    assert_eq!(world.store.all_jobs().len(), 1);
}
