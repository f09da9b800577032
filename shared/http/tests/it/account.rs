//! `GET /api/v1/account`, and the audit log of jobs.

use axum::http::{Method, Request};
use cutline_core::domain::audit::Actor;
use cutline_core::domain::keys::Secret;
use cutline_core::ports::{Audit, Clock as _, Ids as _, Jobs as _};
use cutline_core::{FailureCode, Fault, SystemIds};
use serde_json::{Value, json};

use crate::failing_ports::Broken;
use crate::jobs::POLICY;
use crate::support::{Answer, Form, KEY, OTHER_KEY, PNG, READ_KEY, REVOKED_KEY, World, owner};

async fn account(world: &World, key: &str) -> Answer {
    world.ask(Request::get("/api/v1/account").header("x-api-key", key)).await
}

fn of_job(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(format!("/api/v1/jobs{path}")).header("x-api-key", KEY)
}

/// Uploads a photo, and returns the job's id.
async fn uploaded(world: &World) -> String {
    let answer = world.upload_form(&Form::new().file("cup.png", PNG)).await;
    answer.json()["job_id"].as_str().expect("an id").to_owned()
}

/// Ends a queued job with a fault.
async fn fail(world: &World, id: &str) {
    let job = world.store.get(id.parse().expect("an id")).await.expect("get").expect("a job");
    let (lease, now) = (SystemIds.lease(), world.clock.now());
    let claimed = job.claim(lease, now, &POLICY).expect("claims");
    world.store.replace(&claimed).await.expect("replace");
    let fault = Fault::fail(FailureCode::NoSubject, "nothing there");
    world.store.replace(&claimed.job.give_up(lease, fault, now, &POLICY).expect("fails")).await.expect("replace");
}

#[tokio::test]
async fn shows_credits_limits_and_the_jobs_of_the_month() {
    let world = World::new().await;
    let expected = |credits: Value, per_minute: Value, jobs: Value| {
        json!({
            "owner": "shop", "credits": credits,
            "limits": {
                "requests_per_minute": per_minute, "stored_bytes": null, "file_bytes": 50_000_000,
                "mask_bytes": 10_000_000, "open_uploads": 100,
                "pixels": 50_000_000, "parameter_sets": 1_000,
            },
            "jobs": jobs, "retention_days": 7, "version": env!("CARGO_PKG_VERSION"),
        })
    };
    let none = json!({"month": "2026-05", "done": 0, "failed": 0, "cancelled": 0});
    assert_eq!(account(&world, KEY).await.json(), expected(Value::Null, Value::Null, none.clone()));

    let ids = [uploaded(&world).await, uploaded(&world).await, uploaded(&world).await];
    fail(&world, &ids[0]).await;
    // A deleted job that had ended does not count again.
    for id in &ids[..2] {
        assert_eq!(world.ask(of_job(Method::DELETE, &format!("/{id}"))).await.status, 204);
    }
    let counted = json!({"month": "2026-05", "done": 0, "failed": 1, "cancelled": 1});
    let limited = world.with_rate_limit(60).await;
    let answer = account(&limited, READ_KEY).await;
    assert_eq!(answer.json(), expected(Value::Null, json!(60), counted), "any scope may read it");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.headers.contains_key("ratelimit"), "reading does not count");
    assert_eq!(account(&limited, OTHER_KEY).await.json()["jobs"], none, "another owner's");
    limited.clock.advance(std::time::Duration::from_secs(31 * 24 * 3600));
    assert_eq!(account(&limited, KEY).await.json()["jobs"]["month"], "2026-06");
    assert_eq!(account(&limited, KEY).await.json()["jobs"]["failed"], 0, "a new month");
}

#[tokio::test]
async fn needs_a_valid_key_and_a_store_that_answers() {
    let world = World::new().await;
    let missing = world.ask(Request::get("/api/v1/account")).await;
    missing.is(401, r#"{"error":"unauthorized","message":"API key missing"}"#);
    account(&world, REVOKED_KEY).await.is(401, r#"{"error":"unauthorized","message":"API key invalid"}"#);
    let posted = world.ask(Request::post("/api/v1/account").header("x-api-key", KEY)).await;
    assert_eq!((posted.status.as_u16(), posted.header("allow")), (405, "GET, HEAD"));
    let broken = world.with(|api| {
        if let Some(account) = &mut api.account {
            account.usage = std::sync::Arc::new(Broken);
        }
    });
    assert_eq!(account(&broken, KEY).await.status, 503);
    let without = broken.with(|api| api.account = None);
    assert_eq!(account(&without, KEY).await.status, 405);
}

#[tokio::test]
async fn a_job_shows_the_retries_that_were_made_from_it() {
    let world = World::new().await;
    let old = uploaded(&world).await;
    fail(&world, &old).await;
    assert_eq!(world.ask(of_job(Method::GET, &format!("/{old}"))).await.json()["audit"], json!([]));
    let retry = || of_job(Method::POST, &format!("/{old}/retry")).header("idempotency-key", "again");
    let new = world.ask(retry()).await.json()["job_id"].clone();
    assert_eq!(world.ask(retry()).await.json()["job_id"], new, "a replay and not a second retry");

    let shown = world.ask(of_job(Method::GET, &format!("/{old}"))).await.json();
    let key = Secret::from_caller(KEY).hash().id();
    let entry = json!({
        "at": world.clock.now(), "actor": format!("key:{key}"), "action": "job.retried", "detail": {"new_job": new},
    });
    assert_eq!(shown["audit"], json!([entry]), "{shown}");
    let of_new = world.ask(of_job(Method::GET, &format!("/{}", new.as_str().expect("an id")))).await.json();
    assert_eq!((&of_new["retry_of"], &of_new["audit"]), (&json!(old), &json!([])), "{of_new}");
}

#[tokio::test]
async fn a_deletion_names_the_key() {
    let world = World::new().await;
    let id = uploaded(&world).await;
    assert_eq!(world.ask(of_job(Method::DELETE, &format!("/{id}"))).await.status, 204);
    assert_eq!(world.ask(of_job(Method::DELETE, &format!("/{id}"))).await.status, 404);
    assert_eq!(world.ask(of_job(Method::GET, &format!("/{id}"))).await.status, 404);
    let entries = Audit::list(world.store.as_ref(), &owner(), None, 10).await.expect("list");
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.actor, Actor::of_key(&Secret::from_caller(KEY).hash()));
    assert_eq!((entry.job, entry.action.as_str()), (id.parse().ok(), "job.deleted"));
}
