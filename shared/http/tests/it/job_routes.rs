//! `/api/v1/jobs` and `Idempotency-Key`. The bodies are in `snapshots`.

use axum::body::Body;
use axum::http::{Method, Request};
use cutline_core::domain::job::Step;
use cutline_core::ports::{Blobs, Clock};
use cutline_core::{DeliveryMode, JobId, Mode, StorageKey};
use serde_json::json;

use crate::failing_ports::{Broken, INTERNALS};
use crate::jobs::{ID, POLICY, failed, queued, running, simply_done, store_job};
use crate::support::{Answer, Form, KEY, OTHER_KEY, PNG, World, put, upload};

const NOT_FOUND: &str = r#"{"error":"not_found"}"#;
const ACCEPTED: &str = r#"{"job_id":"ID","status":"queued","mode":"clipping"}"#;

fn of_job(method: Method, path: &str, key: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(format!("/api/v1/jobs{path}")).header("x-api-key", key)
}

async fn list(world: &World, query: &str) -> Answer {
    world.ask(of_job(Method::GET, query, KEY)).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let jobs = answer.json()["jobs"].as_array().expect("jobs").clone();
    jobs.iter().map(|job| job["job_id"].as_str().expect("an id").to_owned()).collect()
}

async fn upload_with(world: &World, photo: &[u8], keys: &[&str], owner_key: &str) -> Answer {
    let mut request = upload(Form::CONTENT_TYPE).header("x-api-key", owner_key);
    for key in keys {
        request = request.header("idempotency-key", *key);
    }
    world.ask_with(request, Form::new().file("cup.png", photo).body()).await
}

#[tokio::test]
async fn an_accepted_job_says_where_to_ask_and_when() {
    let world = World::new().await;
    let answer = upload_with(&world, PNG, &[], KEY).await;
    let id = answer.json()["job_id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.header("location"), format!("/api/v1/status?job_id={id}"));
    assert_eq!(answer.header("retry-after"), "2");
    assert!(!answer.headers.contains_key("idempotent-replayed"));
}

#[tokio::test]
async fn below_a_base_path_every_location_begins_with_it() {
    let world = World::new().await.with(|api| api.base_path = "/shop%20a/api".to_owned());
    let accepted = upload_with(&world, PNG, &[], KEY).await;
    let id = accepted.json()["job_id"].as_str().expect("an id").to_owned();
    assert_eq!(accepted.header("location"), format!("/shop%20a/api/api/v1/status?job_id={id}"));
    let made = world.ask_with(put("Test-Api"), "{}").await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/shop%20a/api/api/v1/params/Test-Api"));
    assert_eq!(world.status("").await.headers.get("location"), None);
}

#[tokio::test]
async fn a_repeated_request_is_answered_like_the_first() {
    let world = World::new().await;
    let first = upload_with(&world, PNG, &["abc"], KEY).await;
    for key in ["abc", "\"abc\"", " abc "] {
        let again = upload_with(&world, PNG, &[key], KEY).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{key}");
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!(world.store.all_jobs().len(), 1);

    let reused =
        json!({ "Idempotency-Key": ["This key was used for another request; send a new key with a new request."] });
    upload_with(&world, b"\x89PNG\r\n\x1A\nanother", &["abc"], KEY).await.is_invalid(reused.clone());
    let json = upload("application/json").header("x-api-key", KEY).header("idempotency-key", "abc");
    world.ask_with(json, r#"{"file_url": "https://example.com/cup.jpg"}"#).await.is_invalid(reused);
    let other = upload_with(&world, PNG, &["abc"], OTHER_KEY).await;
    assert!(other.status == 202 && !other.headers.contains_key("idempotent-replayed"), "{other:?}");
}

#[tokio::test]
async fn a_bad_key_is_refused_and_a_bad_request_not_remembered() {
    let world = World::new().await;
    let message = "This value must be 1 to 255 visible ASCII characters, with or without quotes.";
    let long = "x".repeat(256);
    for key in ["", "\"\"", "a b", "a\tb", long.as_str()] {
        upload_with(&world, PNG, &[key], KEY).await.is_invalid(json!({ "Idempotency-Key": [message] }));
    }
    let twice = json!({ "Idempotency-Key": ["This field was sent more than once."] });
    upload_with(&world, PNG, &["a", "a"], KEY).await.is_invalid(twice);
    assert_eq!(upload_with(&world, b"no picture", &["abc"], KEY).await.status, 422);
    assert!(world.store.all_jobs().is_empty());
    let accepted = upload_with(&world, PNG, &["abc"], KEY).await;
    assert!(accepted.status == 202 && !accepted.headers.contains_key("idempotent-replayed"), "{accepted:?}");
}

#[tokio::test]
async fn external_id_and_metadata_come_back_in_every_answer_about_the_job() {
    let world = World::new().await;
    let metadata = json!({"größe": "42", "sku": "4711"});
    let body = json!({"file_url": "https://example.com/a.jpg", "external_id": "Bestellung 4711", "metadata": metadata,
        "output_name": "{source_name}-{variation}"});
    let id = world.upload_json(&body).await.json()["job_id"].as_str().expect("an id").to_owned();
    let form = Form::new().file("cup.png", PNG).text("external_id", "2").text("metadata", &metadata.to_string());
    world.upload_form(&form).await;
    let status = world.status(&format!("?job_id={id}")).await.json();
    let job = list(&world, &format!("/{id}")).await.json();
    let listed = list(&world, "?external_id=Bestellung%204711").await;
    assert_eq!(ids(&listed), [id]);
    for value in [status, job, listed.json()["jobs"][0].clone()] {
        assert_eq!((&value["external_id"], &value["metadata"]), (&json!("Bestellung 4711"), &metadata), "{value}");
        assert_eq!(value["output_name"], "{source_name}-{variation}", "{value}");
    }
    assert_eq!(list(&world, "").await.json()["jobs"][0]["metadata"], metadata, "from a form");
}

#[tokio::test]
async fn too_much_metadata_is_refused_by_member() {
    let world = World::new().await;
    let many: serde_json::Map<_, _> = (0..21).map(|n| (n.to_string(), json!("x"))).collect();
    for (metadata, member, message) in [
        (json!(many), "metadata", "This value must have at most 20 members."),
        (json!({"a": {"b": "c"}}), "metadata.a", "This value must be a string."),
        (json!({"a": "x".repeat(3_000)}), "metadata", "This value must have at most 2,000 bytes as JSON."),
    ] {
        let expected = json!({ member: [message] });
        let body = json!({"file_url": "https://example.com/a.jpg", "metadata": metadata});
        world.upload_json(&body).await.is_invalid(expected.clone());
        let form = Form::new().file("cup.png", PNG).text("metadata", &metadata.to_string());
        world.upload_form(&form).await.is_invalid(expected);
    }
    assert!(world.store.all_jobs().is_empty());
}

#[tokio::test]
async fn a_list_is_paged_by_a_cursor_of_its_owner() {
    let world = World::new().await;
    let mut created = Vec::new();
    for _ in 0..5 {
        let id = upload_with(&world, PNG, &[], KEY).await.json()["job_id"].as_str().expect("an id").to_owned();
        created.insert(0, id);
    }
    let first = list(&world, "?limit=2").await;
    let cursor = first.json()["cursor"].as_str().expect("a cursor").to_owned();
    let second = list(&world, &format!("?limit=2&cursor={cursor}")).await;
    let last = list(&world, &format!("?limit=2&cursor={}", second.json()["cursor"].as_str().expect("a cursor"))).await;
    assert_eq!([ids(&first), ids(&second), ids(&last)].concat(), created);
    assert_eq!(last.json().get("cursor"), None);
    assert_eq!(ids(&world.ask(of_job(Method::GET, "", OTHER_KEY)).await), Vec::<String>::new());

    let invalid = "This value is not a cursor of this list; send the cursor of the previous page, or none.";
    let stolen = world.ask(of_job(Method::GET, &format!("?cursor={cursor}"), OTHER_KEY)).await;
    stolen.is_invalid(json!({ "cursor": [invalid] }));
    let limit = "This value must be a whole number from 1 to 1000.";
    list(&world, "?cursor=forged&limit=1e9").await.is_invalid(json!({ "cursor": [invalid], "limit": [limit] }));
    for bad in ["0", "-1", "1001", "two"] {
        list(&world, &format!("?limit={bad}")).await.is_invalid(json!({ "limit": [limit] }));
    }
}

#[tokio::test]
async fn a_job_is_repeated_once_it_has_ended() {
    let world = World::new().await;
    let id = upload_with(&world, PNG, &[], KEY).await.json()["job_id"].as_str().expect("an id").to_owned();
    let retry = async |id: &str, key| world.ask(of_job(Method::POST, &format!("/{id}/retry"), key)).await;
    let pending = r#"{"error":"job_pending","message":"The job has not ended; wait until its state is done."}"#;
    retry(&id, KEY).await.is(409, pending);

    let world = World::new().await;
    let old = store_job(&world, simply_done(DeliveryMode::Url)).await;
    let retry = async |id: &str, key| world.ask(of_job(Method::POST, &format!("/{id}/retry"), key)).await;
    let expired = "The photo of this job, or its mask, is no longer stored; upload it again.";
    let expired = format!(r#"{{"error":"source_expired","message":"{expired}"}}"#);
    retry(&old.to_string(), KEY).await.is(409, &expired);
    world.blobs.put(&StorageKey::Source { job: old }, PNG.into()).await.expect("put");
    retry(&old.to_string(), OTHER_KEY).await.is(404, NOT_FOUND);
    retry("not-an-id", KEY).await.is(404, NOT_FOUND);
    retry(&JobId::new(uuid::Uuid::nil()).to_string(), KEY).await.is(404, NOT_FOUND);
    // The ids of this world begin again, at the id of the stored job.
    upload_with(&world, PNG, &[], OTHER_KEY).await;
    let accepted = retry(&old.to_string(), KEY).await;
    let new = accepted.json()["job_id"].as_str().expect("an id").to_owned();
    accepted.is(202, &ACCEPTED.replace("ID", &new).replace("clipping", "background"));
    assert_eq!(accepted.header("location"), format!("/api/v1/status?job_id={new}"));
    assert_eq!(list(&world, &format!("/{new}")).await.json()["retry_of"], json!(old));
    let with_key = async |id: &str, key: &str| {
        let request = of_job(Method::POST, &format!("/{id}/retry"), KEY).header("idempotency-key", key);
        world.ask(request).await
    };
    let first = with_key(&old.to_string(), "abc").await;
    let again = with_key(&old.to_string(), "\"abc\"").await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let long = "x".repeat(256);
    let message = "This value must be 1 to 255 visible ASCII characters, with or without quotes.";
    with_key(&old.to_string(), &long).await.is_invalid(json!({ "Idempotency-Key": [message] }));
    world.ask(of_job(Method::DELETE, &format!("/{}", first.json()["job_id"].as_str().expect("an id")), KEY)).await;
    assert_eq!(ids(&list(&world, "").await), [new, ID.to_owned()]);
}

#[tokio::test]
async fn a_deleted_job_is_gone_at_once() {
    for history in [
        queued(Mode::Background, DeliveryMode::Url),
        running(Mode::Background, DeliveryMode::Url, Step::Background),
        simply_done(DeliveryMode::Url),
        failed(DeliveryMode::Url),
    ] {
        let world = World::new().await;
        let id = store_job(&world, history).await;
        let delete = async |id: &str, key| world.ask(of_job(Method::DELETE, &format!("/{id}"), key)).await;
        delete(&id.to_string(), OTHER_KEY).await.is(404, NOT_FOUND);
        delete("not-an-id", KEY).await.is(404, NOT_FOUND);
        let deleted = delete(&id.to_string(), KEY).await;
        deleted.is(204, "");
        delete(&id.to_string(), KEY).await.is(404, NOT_FOUND);
        world.status(&format!("?job_id={id}")).await.is(404, NOT_FOUND);
        list(&world, &format!("/{id}")).await.is(404, NOT_FOUND);
        assert_eq!(ids(&list(&world, "").await), Vec::<String>::new());
    }
}

#[tokio::test]
async fn every_route_needs_a_key_and_hides_expired_jobs() {
    let world = World::new().await;
    let id = store_job(&world, simply_done(DeliveryMode::Url)).await;
    let path = format!("/{id}");
    let retry = format!("/{id}/retry");
    for (method, path) in
        [(Method::GET, ""), (Method::GET, path.as_str()), (Method::DELETE, &path), (Method::POST, &retry)]
    {
        let request = Request::builder().method(method).uri(format!("/api/v1/jobs{path}"));
        world.ask(request).await.is(401, r#"{"error":"unauthorized","message":"API key missing"}"#);
    }
    world.clock.advance(POLICY.retention);
    assert!(world.store.all_jobs()[0].is_expired(world.clock.now()));
    list(&world, &path).await.is(404, NOT_FOUND);
    assert_eq!(list(&world, "").await.json(), json!({ "jobs": [] }));
    for (method, path) in [(Method::DELETE, &path), (Method::POST, &retry)] {
        world.ask(of_job(method, path, KEY)).await.is(404, NOT_FOUND);
    }
}

#[tokio::test]
async fn other_methods_are_refused() {
    let world = World::new().await;
    for (method, path, allow) in
        [(Method::POST, "", "GET, HEAD"), (Method::PUT, "/x", "GET, HEAD, DELETE"), (Method::GET, "/x/retry", "POST")]
    {
        let answer = world.ask(of_job(method, path, KEY)).await;
        answer.is(405, r#"{"error":"method_not_allowed"}"#);
        assert_eq!(answer.header("allow"), allow);
    }
    // A body that nobody asked for is read and ignored.
    let request = of_job(Method::DELETE, "/x", KEY).header("content-type", "text/plain");
    world.ask_with(request, Body::from("a body")).await.is(404, NOT_FOUND);
}

#[tokio::test]
async fn a_fault_of_the_store_says_nothing_about_it() {
    let world = World::new().await.with(|api| {
        let jobs = std::sync::Arc::new(Broken);
        api.jobs.as_mut().expect("a list").jobs = jobs.clone();
        api.status.as_mut().expect("a status").jobs = jobs.clone();
        api.delete.as_mut().expect("a deletion").jobs = jobs.clone();
        api.retry.as_mut().expect("a retry").jobs = jobs;
    });
    let path = format!("/{ID}");
    for request in [
        of_job(Method::GET, "", KEY),
        of_job(Method::GET, &path, KEY),
        of_job(Method::DELETE, &path, KEY),
        of_job(Method::POST, &format!("{path}/retry"), KEY),
    ] {
        let answer = world.ask(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
        assert!(!answer.body.contains(INTERNALS), "{answer:?}");
    }
}
