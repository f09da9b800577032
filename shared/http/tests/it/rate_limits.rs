//! Rate limits: which requests count, and what their answers say.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use cutline_core::ports::Clock as _;
use futures::StreamExt as _;
use futures::stream;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::failing_ports::{Broken, INTERNALS};
use crate::layers::LogBuffer;
use crate::support::{Answer, KEY, OTHER_KEY, World, get, params, put, upload};

/// A world whose clock shows 13.5 s past a full minute.
async fn world(requests_per_minute: u32) -> World {
    let world = World::new().await.with_rate_limit(requests_per_minute).await;
    world.clock.set(Timestamp::from_millisecond(1_780_000_020_000 + 13_500).expect("a time"));
    world
}

async fn upload_as(world: &World, key: &str) -> Answer {
    let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" });
    world.ask_with(upload("application/json").header("x-api-key", key), body.to_string()).await
}

#[track_caller]
fn assert_headers(answer: &Answer, policy: &str, limit: &str) {
    assert_eq!((answer.header("ratelimit-policy"), answer.header("ratelimit")), (policy, limit), "{answer:?}");
}

#[track_caller]
fn assert_no_headers(answer: &Answer) {
    for name in ["ratelimit-policy", "ratelimit"] {
        assert!(!answer.headers.contains_key(name), "{answer:?}");
    }
}

#[tokio::test]
async fn requests_over_the_limit_are_429_until_the_next_minute() {
    let world = world(2).await;
    let first = upload_as(&world, KEY).await;
    assert_eq!((first.status.as_u16(), first.header("retry-after")), (202, "2"));
    assert_headers(&first, r#""minute";q=2;w=60"#, r#""minute";r=1;t=47"#);
    assert_headers(&upload_as(&world, KEY).await, r#""minute";q=2;w=60"#, r#""minute";r=0;t=47"#);

    world.clock.advance(Duration::from_secs(30));
    let refused = upload_as(&world, KEY).await;
    let message = "Rate limit reached: 2 per minute; try again in 17 s.";
    refused.is(429, &json!({ "error": "rate_limited", "message": message }).to_string());
    assert_eq!(refused.header("retry-after"), "17");
    assert_headers(&refused, r#""minute";q=2;w=60"#, r#""minute";r=0;t=17"#);
    assert_eq!(world.store.all_jobs().len(), 2, "a refused request creates nothing");

    let other = upload_as(&world, OTHER_KEY).await;
    assert_eq!(other.status, 202, "another owner, without a limit");
    assert_no_headers(&other);

    world.clock.advance(Duration::from_secs(17));
    let next = upload_as(&world, KEY).await;
    assert_eq!(next.status, 202, "waited as told, until {}", world.clock.now());
    assert_headers(&next, r#""minute";q=2;w=60"#, r#""minute";r=1;t=60"#);
}

#[tokio::test]
async fn every_change_counts_once_whatever_its_answer() {
    let world = world(100).await;
    let job = format!("/api/v1/jobs/{}", Uuid::nil());
    let job_request = |method, path: &str| Request::builder().method(method).uri(path).header("x-api-key", KEY);
    let answers = [
        world.ask_with(upload("application/json").header("x-api-key", KEY), "{").await,
        world.ask_with(put("a"), "{}").await,
        world.ask_with(put("a"), "[]").await,
        world.ask(params(Method::DELETE, "a")).await,
        world.ask(job_request(Method::POST, &format!("{job}/retry"))).await,
        world.ask(job_request(Method::DELETE, &job)).await,
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status.as_u16()), [400, 201, 422, 204, 404, 404]);
    for (counted, answer) in (1..).zip(&answers) {
        assert_headers(answer, r#""minute";q=100;w=60"#, &format!(r#""minute";r={};t=47"#, 100 - counted));
    }
}

#[tokio::test]
async fn reads_and_requests_without_a_key_do_not_count() {
    let world = world(1).await;
    for _ in 0..2 {
        for path in ["/api/v1/status", "/api/v1/jobs", "/api/v1/params", "/api/v1/params/wall"] {
            for method in [Method::GET, Method::HEAD] {
                let read = world.ask(get(path).method(method).header("x-api-key", KEY)).await;
                assert!(matches!(read.status.as_u16(), 200 | 422), "{read:?}");
                assert_no_headers(&read);
            }
        }
        assert_eq!(upload_as(&world, "ck_nobody").await.status, 401);
        assert_eq!(world.ask(params(Method::POST, "a")).await.status, 405);
    }
    assert_eq!(upload_as(&world, KEY).await.status, 202);
    assert_eq!(upload_as(&world, KEY).await.status, 429);
    assert_eq!(world.status("").await.status, 422, "the owner still reads");
}

#[tokio::test]
async fn a_refused_body_is_drained() {
    let world = world(0).await;
    let (sent, received) = tokio::sync::oneshot::channel();
    let last = stream::once(async move {
        sent.send(()).expect("the test waits");
        Ok::<_, std::io::Error>(Bytes::from_static(b"}"))
    });
    let body = Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{"))]).chain(last));
    let answer = world.ask_with(upload("application/json").header("x-api-key", KEY), body).await;
    assert_eq!(answer.status, 429);
    received.await.expect("the body was read to its end");
}

#[tokio::test]
async fn a_failing_counter_lets_requests_pass_and_logs() {
    let world = world(1).await.with(|api| {
        if let Some(rate_limit) = &mut api.rate_limit {
            rate_limit.counters = Arc::new(Broken);
        }
    });
    let (log, _guard) = LogBuffer::start();
    // As in `layers`: another thread may have asked first whether anyone wants this event.
    upload_as(&world, KEY).await;
    tracing::callsite::rebuild_interest_cache();
    log.clear();
    let answer = upload_as(&world, KEY).await;
    assert_eq!(answer.status, 202);
    assert_no_headers(&answer);
    let log = log.text();
    let line = log.lines().find(|line| line.contains("rate limit not checked")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("owner=shop") && line.contains(INTERNALS), "{line}");
}
