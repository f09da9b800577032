//! `Prefer: wait`, and `GET /health`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use cutline_core::domain::job::{Job, Transition};
use cutline_core::ports::{Clock as _, Jobs as _};
use cutline_core::{DeliveryMode, FailureCode, Fault, Ids as _, Mode, SystemIds};
use cutline_http::Waiting;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::failing_ports::{Broken, INTERNALS};
use crate::jobs::{POLICY, queued, simply_done, store_job};
use crate::support::{Answer, Form, KEY, PNG, World, get, upload};

async fn upload_and_wait(world: &World, prefer: &str) -> Answer {
    let request = upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("prefer", prefer);
    world.ask_with(request, Form::new().file("cup.png", PNG).body()).await
}

async fn status_and_wait(world: &World, id: &str, prefer: &str) -> Answer {
    let request = get(&format!("/api/v1/status?job_id={id}")).header("x-api-key", KEY).header("prefer", prefer);
    world.ask(request).await
}

/// Fails the only job after a while.
async fn fail_later(world: &World, after: Duration) {
    sleep(after).await;
    let job: Job = world.store.all_jobs().pop().expect("a job");
    let (now, token) = (world.clock.now(), SystemIds.lease());
    let running = job.claim(token, now, &POLICY).expect("claims").job;
    world.store.replace(&Transition::without_effects(running.clone())).await.expect("replace");
    let failed = running.give_up(token, Fault::fail(FailureCode::NoSubject, "none"), now, &POLICY).expect("fails");
    world.store.replace(&failed).await.expect("replace");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_waits_gets_the_end_of_its_job() {
    let world = World::new().await;
    let begun = Instant::now();
    let (answer, ()) = tokio::join!(upload_and_wait(&world, "wait=10"), fail_later(&world, Duration::from_secs(3)));
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (200, "wait"));
    assert_eq!((&answer.json()["status"], &answer.json()["error"]["code"]), (&json!("failed"), &json!("no_subject")));
    let took = begun.elapsed();
    assert!((3..4).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn without_an_end_in_time_the_answer_is_as_usual() {
    let world = World::new().await;
    let begun = Instant::now();
    let answer = upload_and_wait(&world, "wait=20").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (202, "2"));
    assert!(!answer.headers.contains_key("preference-applied"));
    assert_eq!(begun.elapsed().as_secs(), 20);
    let id = answer.json()["job_id"].as_str().expect("an id").to_owned();
    let status = status_and_wait(&world, &id, "respond-async, wait=5").await;
    assert_eq!((status.status.as_u16(), &status.json()["state"]), (200, &json!("pending")));
    assert!(!status.headers.contains_key("preference-applied"));
    assert_eq!(begun.elapsed().as_secs(), 25);
    let too_long = json!({ "Prefer": ["This value must be wait=0 to wait=20, in seconds."] });
    upload_and_wait(&world, "wait=99999").await.is_invalid(too_long.clone());
    status_and_wait(&world, &id, "wait=21").await.is_invalid(too_long);
    assert_eq!((world.store.all_jobs().len(), begun.elapsed().as_secs()), (1, 25));
}

#[tokio::test(start_paused = true)]
async fn an_ended_or_missing_job_is_answered_at_once() {
    let world = World::new().await;
    let id = store_job(&world, simply_done(DeliveryMode::Url)).await.to_string();
    let begun = Instant::now();
    let done = status_and_wait(&world, &id, "wait=20").await;
    assert_eq!((&done.json()["status"], done.header("preference-applied")), (&json!("done"), "wait"));
    let missing = status_and_wait(&world, &SystemIds.job().to_string(), "wait=20").await;
    assert_eq!((missing.status.as_u16(), begun.elapsed()), (404, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_where_the_operator_does_not_allow_it() {
    let world = World::new().await.with(|api| api.waiting = None);
    let begun = Instant::now();
    let uploaded = upload_and_wait(&world, "wait=20").await;
    assert_eq!(uploaded.status, 202);
    let id = uploaded.json()["job_id"].as_str().expect("an id").to_owned();
    assert_eq!(status_and_wait(&world, &id, "wait=20").await.status, 200);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn two_requests_wait_and_a_third_is_answered_at_once() {
    let world = World::new().await;
    let begun = Instant::now();
    let (first, second, third) =
        tokio::join!(upload_and_wait(&world, "wait=5"), upload_and_wait(&world, "wait=5"), async {
            sleep(Duration::from_secs(1)).await;
            (upload_and_wait(&world, "wait=5").await, begun.elapsed())
        });
    assert_eq!([first, second, third.0].map(|answer| answer.status.as_u16()), [202; 3]);
    assert_eq!((third.1.as_secs(), begun.elapsed().as_secs()), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_answers_its_waiting_callers() {
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let world = World::new().await.with(|api| {
        api.waiting = Some(Waiting::new(Duration::from_secs(20), 9, Some(stopping)));
    });
    let begun = Instant::now();
    let (answer, ()) = tokio::join!(upload_and_wait(&world, "wait=20"), async {
        sleep(Duration::from_secs(2)).await;
        stop.send(true).expect("is waited for");
    });
    assert_eq!((answer.status.as_u16(), begun.elapsed().as_secs()), (202, 2));
    assert_eq!(upload_and_wait(&world, "wait=20").await.status, 202);
    assert_eq!(begun.elapsed().as_secs(), 2, "and later ones");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_upload_holds_no_memory_and_a_replay_is_marked() {
    let budget = cutline_http::BodyBudget::new(1_000, 1_000);
    let world = World::new().await.with(|api| {
        (api.budget, api.max_file_bytes) = (Some(budget), 1_000);
    });
    let request = || upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("idempotency-key", "abc");
    let body = || Form::new().file("cup.png", PNG).body();
    let begun = Instant::now();
    let (first, again, ()) = tokio::join!(
        world.ask_with(request().header("prefer", "wait=10"), body()),
        async {
            sleep(Duration::from_secs(1)).await;
            world.ask_with(request().header("prefer", "wait=10"), body()).await
        },
        fail_later(&world, Duration::from_secs(3)),
    );
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 200), "{first:?} {again:?}");
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert!(begun.elapsed().as_secs() < 4);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_deleted_meanwhile_is_a_404() {
    let world = World::new().await;
    let id = store_job(&world, queued(Mode::Background, DeliveryMode::Url)).await.to_string();
    let (answer, ()) = tokio::join!(status_and_wait(&world, &id, "wait=20"), async {
        sleep(Duration::from_secs(1)).await;
        let request = axum::http::Request::builder().method(Method::DELETE).uri(format!("/api/v1/jobs/{id}"));
        assert_eq!(world.ask(request.header("x-api-key", KEY)).await.status, 204);
    });
    answer.is(404, r#"{"error":"not_found"}"#);
}

#[tokio::test]
async fn health_needs_no_key_and_reveals_nothing() {
    let world = World::new().await;
    let healthy = world.ask(get("/health")).await;
    healthy.is(200, r#"{"status":"ok"}"#);
    let world = world.with(|api| api.keys = Arc::new(Broken));
    let broken = world.ask(get("/health")).await;
    assert_eq!((broken.status.as_u16(), broken.header("retry-after")), (503, "5"));
    assert!(!broken.body.contains(INTERNALS), "{broken:?}");
    let posted = world.ask(axum::http::Request::builder().method(Method::POST).uri("/health")).await;
    assert_eq!((posted.status.as_u16(), posted.header("allow")), (405, "GET, HEAD"));
}
