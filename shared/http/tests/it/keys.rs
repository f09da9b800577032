//! Authentication: both headers, on every endpoint.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request};
use cutline_core::{DeliveryMode, Mode};
use futures::future::join_all;

use crate::document;
use crate::failing_ports::Broken;
use crate::jobs::{held, queued, store_job};
use crate::support::{
    Answer, DESK_KEY, Form, KEY, OTHER_KEY, PNG, READ_KEY, REVIEW_KEY, REVOKED_KEY, World, get, upload,
};

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

#[tokio::test]
async fn a_scope_covers_these_changes_and_no_others() {
    const UPLOADS: [&str; 2] = ["POST /api/v1/upload", "POST /api/v1/uploads"];
    const REVIEWS: [&str; 3] =
        ["POST /api/v1/jobs/{id}/approve", "POST /api/v1/jobs/{id}/recut", "POST /api/v1/jobs/{id}/reject"];
    for (key, covered) in
        [(READ_KEY, vec![]), (REVIEW_KEY, REVIEWS.into()), (DESK_KEY, [&REVIEWS[..], &UPLOADS].concat())]
    {
        let world = World::new().await;
        let id = store_job(&world, held(DeliveryMode::Url)).await.to_string();
        let mut admitted = Vec::new();
        for (method, template) in document::changes() {
            let path = template.replace("{id}", &id).replace("{name}", "summer");
            let request = Request::builder().method(&method).uri(path).header("x-api-key", key);
            let answer = world.ask_with(request.header("content-type", "application/json"), "{}").await;
            if answer.status != 403 {
                // The key suffices, and the request lacks a field.
                assert_eq!(answer.status, 422, "{method} {template}: {answer:?}");
                admitted.push(format!("{method} {template}"));
            }
        }
        admitted.sort();
        assert_eq!(admitted, covered, "{key}");
    }
}

#[tokio::test]
async fn a_key_of_the_web_pages_uploads_and_reviews() {
    let world = World::new().await;
    let id = store_job(&world, held(DeliveryMode::Url)).await;
    let post = |path: &str, content_type: &str| {
        let request = Request::builder().method(Method::POST).uri(path.to_owned());
        request.header("x-api-key", DESK_KEY).header("content-type", content_type)
    };
    let announced = format!(r#"{{"content_type":"image/png","size":{}}}"#, PNG.len());
    let granted = world.ask_with(post("/api/v1/uploads", "application/json"), announced).await;
    assert_eq!(granted.status, 201, "{granted:?}");
    let form = Form::new().text("mode", "background").file("photo.png", PNG).body();
    let accepted = world.ask_with(post("/api/v1/upload", Form::CONTENT_TYPE), form).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let path = format!("/api/v1/jobs/{id}/approve");
    let approved = world.ask_with(post(&path, "application/json"), r#"{"revision":1}"#).await;
    assert_eq!((approved.status.as_u16(), &approved.json()["status"]), (200, &"done".into()), "{approved:?}");
}
