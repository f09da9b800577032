//! Cutting photographs again: what a reviewer asks for, and what the status shows meanwhile.

use axum::body::Bytes;
use axum::http::{Method, Request};
use cutline_core::domain::mask::JobMask;
use cutline_core::ports::{Blobs as _, Jobs as _};
use cutline_core::{Clock as _, DeliveryMode, FailureCode, Fault, Ids as _, Job, Mode, Policy, StorageKey, SystemIds};
use serde_json::{Value, json};

use crate::jobs::{failed, held, queued, simply_done, store_job};
use crate::support::{Answer, Form, KEY, OTHER_KEY, PNG, READ_KEY, REVIEW_KEY, World};

const NOT_FOUND: &str = r#"{"error":"not_found"}"#;

fn hints() -> Value {
    json!([{"kind": "remove", "points": [[12.0, 34.0]]}])
}

async fn recut_with(world: &World, id: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let request = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{id}/recut"));
    let request = request.header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    world.ask_with(request, body.to_string()).await
}

async fn recut(world: &World, id: &str, key: &str, body: Value) -> Answer {
    recut_with(world, id, &[("x-api-key", key)], body).await
}

async fn recut_form(world: &World, id: &str, form: &Form) -> Answer {
    let request = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{id}/recut"));
    let request = request.header("x-api-key", REVIEW_KEY).header("content-type", Form::CONTENT_TYPE);
    world.ask_with(request, form.body()).await
}

fn code(answer: &Answer) -> (u16, Value) {
    (answer.status.as_u16(), answer.json()["error"].clone())
}

async fn held_job(world: &World) -> Job {
    let id = store_job(world, held(DeliveryMode::Url)).await;
    stored(world, id).await
}

async fn stored(world: &World, id: cutline_core::JobId) -> Job {
    world.store.get(id).await.expect("get").expect("a job")
}

async fn job(world: &World, id: &str) -> Value {
    world.ask(Request::builder().uri(format!("/api/v1/jobs/{id}")).header("x-api-key", KEY)).await.json()
}

/// Stores what a worker makes of the job that waits.
async fn work(world: &World, id: cutline_core::JobId, makes_it: bool) {
    let (policy, token, now) = (Policy::default(), SystemIds.lease(), world.clock.now());
    let waiting = stored(world, id).await;
    let mut outcome = waiting.outcome().cloned().expect("a draft");
    for picture in outcome.pictures.values_mut() {
        if let StorageKey::Output { lease, .. } = &mut picture.key {
            *lease = token;
        }
    }
    let running = waiting.claim(token, now, &policy).expect("claimed");
    world.store.replace(&running).await.expect("replaced");
    let next = match makes_it {
        true => running.job.finish(token, outcome, now, &policy),
        false => running.job.give_up(token, Fault::fail(FailureCode::NoSubject, "no subject found"), now, &policy),
    };
    world.store.replace(&next.expect("ends")).await.expect("replaced");
}

#[tokio::test]
async fn a_reviewer_corrects_a_held_job() {
    let world = World::new().await;
    let held = held_job(&world).await;
    let id = held.id.to_string();
    let accepted = recut(&world, &id, REVIEW_KEY, json!({"revision": 1, "hints": hints()})).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(accepted.json(), json!({"job_id": id, "status": "queued", "mode": "background"}));
    assert_eq!(accepted.header("location"), format!("/api/v1/status?job_id={id}"));
    let again = recut(&world, &id, REVIEW_KEY, json!({"revision": 1, "hints": hints()})).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (202, "true"));

    let status = world.status(&format!("?job_id={id}")).await.json();
    assert_eq!((&status["status"], &status["state"]), (&json!("queued"), &json!("pending")), "{status}");
    assert_eq!((&status["draft"]["revision"], &status["progress"]), (&json!(1), &json!(99)), "{status}");
    assert!(status["draft"]["final_urls"]["background"].is_string() && status["final_urls"].is_null(), "{status}");
    let other = recut(&world, &id, KEY, json!({"revision": 1, "holes": "open"})).await;
    assert_eq!(code(&other), (409, json!("recut_in_progress")));
    let decision = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{id}/approve"));
    let decision = decision.header("x-api-key", KEY).header("content-type", "application/json");
    let decision = world.ask_with(decision, json!({"revision": 1}).to_string()).await;
    assert_eq!(code(&decision), (409, json!("recut_in_progress")));

    work(&world, held.id, true).await;
    let status = world.status(&format!("?job_id={id}")).await.json();
    let found = (&status["status"], &status["draft"]["revision"], &status["draft"]["deadline"]);
    let deadline = held.repair_due_at().expect("a deadline").to_string();
    assert_eq!(found, (&json!("pending_review"), &json!(2), &json!(deadline)), "{status}");
    let job = job(&world, &id).await;
    assert_eq!((&job["subject"], &job["recut"]["of"]), (&json!({ "hints": hints() }), &json!(1)), "{job}");
    assert!(job["recut"]["by"].as_str().is_some_and(|by| by.starts_with("key:")), "{job}");
    let entry = (&job["audit"][0]["action"], &job["audit"][0]["detail"]);
    assert_eq!(entry, (&json!("job.recut"), &json!({"revision": "1"})), "{job}");
    let stale = recut(&world, &id, KEY, json!({"revision": 1, "holes": "open"})).await;
    assert_eq!(code(&stale), (409, json!("stale_revision")));
}

#[tokio::test]
async fn a_recut_that_fails_leaves_the_draft_and_a_warning() {
    let world = World::new().await;
    let held = held_job(&world).await;
    let id = held.id.to_string();
    recut(&world, &id, KEY, json!({"revision": 1, "keep": "main", "path_inset": 1.5})).await;
    assert_eq!(job(&world, &id).await["path_inset"], json!(1.5));
    work(&world, held.id, false).await;
    let status = world.status(&format!("?job_id={id}")).await.json();
    assert_eq!((&status["status"], &status["draft"]["revision"]), (&json!("pending_review"), &json!(1)), "{status}");
    assert_eq!(status["warnings"]["recut"], json!(["The recut failed, and revision 1 stays: no subject found."]));
    let job = job(&world, &id).await;
    assert_eq!((job.get("subject"), job.get("recut"), job.get("path_inset")), (None, None, None), "{job}");
}

#[tokio::test]
async fn a_done_job_becomes_a_new_one() {
    let world = World::new().await;
    // The router's own jobs begin with the id that all stored ones have.
    let old = SystemIds.job();
    let history = move |world: &World| {
        let versions = simply_done(DeliveryMode::Url)(world);
        versions.into_iter().map(|job| Job { id: old, ..job }).collect()
    };
    store_job(&world, Box::new(history)).await;
    let body = json!({"holes": "open"});
    let gone = recut(&world, &old.to_string(), KEY, body.clone()).await;
    assert_eq!(code(&gone), (409, json!("source_expired")));
    world.blobs.put(&StorageKey::Source { job: old }, "photo".into()).await.expect("put");
    let headers = [("x-api-key", REVIEW_KEY), ("idempotency-key", "again")];
    let mut ids = Vec::new();
    for is_replay in [false, true] {
        let accepted = recut_with(&world, &old.to_string(), &headers, body.clone()).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        assert_eq!(accepted.headers.contains_key("idempotent-replayed"), is_replay);
        ids.push(accepted.json()["job_id"].as_str().expect("an id").to_owned());
    }
    assert!(ids[0] == ids[1] && ids[0] != old.to_string(), "{ids:?}");
    let new = job(&world, &ids[0]).await;
    assert_eq!((&new["recut_of"], new.get("retry_of")), (&json!(old), None), "{new}");
    assert_eq!((&new["subject"], &new["status"]), (&json!({"holes": "open"}), &json!("queued")), "{new}");
    let named = recut(&world, &old.to_string(), KEY, json!({"revision": 1, "holes": "open"})).await;
    assert_eq!(code(&named), (409, json!("not_held")));
    let list = world.ask(Request::builder().uri("/api/v1/jobs").header("x-api-key", KEY)).await.json();
    let of = |id: &str| list["jobs"].as_array().and_then(|jobs| jobs.iter().find(|job| job["job_id"] == id)).cloned();
    assert_eq!(of(&ids[0]).expect("listed")["recut_of"], json!(old), "{list}");
}

/// The mask of a job, if it is stored.
async fn stored_mask(world: &World, job: &Job) -> Option<Bytes> {
    let mask = job.spec.mask.as_ref().expect("a mask").id;
    world.blobs.get(&StorageKey::Mask { job: job.id, mask }).await.expect("get")
}

#[tokio::test]
async fn a_reviewer_cuts_by_a_mask() {
    let world = World::new().await;
    let held = held_job(&world).await;
    let id = held.id.to_string();
    let missing = "This job has no mask yet. Send mask, mask_url or mask_key with mask_source=file.";
    let without = recut(&world, &id, KEY, json!({"revision": 1, "mask_source": "file"})).await;
    without.is_invalid(json!({ "mask": [missing] }));
    let unknown = json!({"revision": 1, "mask_key": "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a"});
    let unknown = recut(&world, &id, KEY, unknown).await.json();
    let message = "This mask_key is unknown or has expired. Request another file_key with POST /api/v1/uploads, upload \
                   the file again, and send its key as mask_key.";
    assert_eq!(unknown["details"], json!({ "mask_key": [message] }));
    let drawing = recut_form(&world, &id, &Form::new().text("revision", "1").mask(b"<svg/>")).await;
    drawing.is_invalid(json!({"mask": ["A drawing is no mask. Send a PNG, or another picture of pixels."]}));
    // The job's picture, and so its photograph, has one pixel.
    let larger = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x03\0\0\0\x02";
    let larger = recut_form(&world, &id, &Form::new().text("revision", "1").mask(larger)).await;
    let message = "mask of another size: it has 3 x 2 pixels, and the image 1 x 1; scale it to the image's size";
    larger.is_invalid(json!({ "mask": [message] }));
    assert_eq!(stored(&world, held.id).await, held, "nothing was accepted");

    let form = Form::new().text("revision", "1").mask(PNG);
    for is_replay in [false, true] {
        let accepted = recut_form(&world, &id, &form).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        assert_eq!(accepted.headers.contains_key("idempotent-replayed"), is_replay);
    }
    let waiting = stored(&world, held.id).await;
    assert_eq!(stored_mask(&world, &waiting).await.as_deref(), Some(PNG));
    work(&world, held.id, true).await;
    let shown = job(&world, &id).await;
    assert_eq!((&shown["subject"], &shown["recut"]["of"]), (&json!({"mask_source": "file"}), &json!(1)), "{shown}");
    let networks = json!({"revision": 2, "mask_source": "auto"});
    assert_eq!(recut(&world, &id, KEY, networks).await.status, 202);
    work(&world, held.id, true).await;
    // The job has kept its mask.
    assert_eq!(recut(&world, &id, KEY, json!({"revision": 3, "mask_source": "file"})).await.status, 202);
    assert_eq!(stored_mask(&world, &stored(&world, held.id).await).await.as_deref(), Some(PNG));
}

#[tokio::test]
async fn a_mask_by_its_address_is_fetched_before_the_cut() {
    let world = World::new().await;
    let held = held_job(&world).await;
    let body = json!({"revision": 1, "mask_url": "https://example.com/m.png"});
    let accepted = recut(&world, &held.id.to_string(), REVIEW_KEY, body).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let waiting = stored(&world, held.id).await;
    let url = waiting.spec.mask_file().and_then(JobMask::url).expect("a URL");
    assert_eq!(url.to_string(), "https://example.com/m.png");
    assert_eq!(stored_mask(&world, &waiting).await, None);
}

#[tokio::test]
async fn a_recut_needs_the_right_key_job_and_body() {
    let world = World::new().await;
    let id = held_job(&world).await.id.to_string();
    let body = json!({"revision": 1, "roi": "0 0 50% 50%"});
    assert_eq!(recut(&world, &id, READ_KEY, body.clone()).await.status, 403);
    recut(&world, &id, OTHER_KEY, body.clone()).await.is(404, NOT_FOUND);
    recut(&world, "not-an-id", KEY, body.clone()).await.is(404, NOT_FOUND);
    let required = "This field is required: the revision of the draft that you looked at.";
    recut(&world, &id, KEY, json!({"holes": "open"})).await.is_invalid(json!({ "revision": [required] }));
    let nothing =
        "Give at least one of roi, keep, hints, holes, mask_source, path_inset and a mask: what the new cut changes.";
    recut(&world, &id, KEY, json!({"revision": 1})).await.is_invalid(json!({ "hints": [nothing] }));
    let other = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{id}/recut"));
    let other = other.header("x-api-key", KEY).header("content-type", "text/plain");
    assert_eq!(world.ask_with(other, "revision=1").await.status, 415);
    let still = world.status(&format!("?job_id={id}")).await.json();
    assert_eq!(still["status"], "pending_review", "nothing was accepted: {still}");

    for (history, expected) in
        [(queued(Mode::Background, DeliveryMode::Url), "job_pending"), (failed(DeliveryMode::Url), "job_failed")]
    {
        let world = World::new().await;
        let id = store_job(&world, history).await.to_string();
        let refused = recut(&world, &id, KEY, json!({"holes": "open"})).await;
        assert_eq!(code(&refused), (409, json!(expected)));
        let refused = recut(&world, &id, KEY, json!({"revision": 1, "holes": "open"})).await;
        assert_eq!(code(&refused), (409, json!("not_held")));
    }
}
