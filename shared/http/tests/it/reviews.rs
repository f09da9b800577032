//! Jobs that are held for review: their status, the decisions, and the list.

use axum::http::{Method, Request};
use cutline_core::DeliveryMode;
use cutline_core::domain::attention::AttentionReason;
use cutline_core::domain::review::ReviewRule;
use serde_json::{Value, json};

use crate::jobs::{doubtful, held, queued, simply_done, store_job};
use crate::support::{Answer, Form, KEY, OTHER_KEY, PNG, READ_KEY, REVIEW_KEY, World};

const NOT_FOUND: &str = r#"{"error":"not_found"}"#;

async fn decide(world: &World, id: &str, action: &str, key: &str, body: Value) -> Answer {
    let request = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{id}/{action}"));
    let request = request.header("x-api-key", key).header("content-type", "application/json");
    world.ask_with(request, body.to_string()).await
}

async fn held_job(world: &World, delivery: DeliveryMode) -> String {
    store_job(world, held(delivery)).await.to_string()
}

#[tokio::test]
async fn a_held_job_is_pending_and_shows_its_draft() {
    for delivery in DeliveryMode::ALL {
        let world = World::new().await;
        let id = held_job(&world, delivery).await;
        let status = world.status(&format!("?job_id={id}")).await.json();
        let expected = ("pending_review", "pending", 99);
        let found = (status["status"].as_str(), status["state"].as_str(), status["progress"].as_u64());
        assert_eq!(found, (Some(expected.0), Some(expected.1), Some(expected.2)), "{status}");
        assert_eq!((&status["final_url"], &status["draft"]["revision"]), (&Value::Null, &json!(1)), "{status}");
        let link = match delivery {
            DeliveryMode::FinalUrl => &status["draft"]["final_url"],
            DeliveryMode::Url => &status["draft"]["final_urls"]["background"],
        };
        assert!(link.as_str().is_some_and(|link| link.starts_with("https://")), "{status}");
        assert!(status["assets"]["matte"].is_string() && status["confidence"].is_number(), "{status}");
    }
}

#[tokio::test]
async fn a_reviewer_approves() {
    let world = World::new().await;
    let id = held_job(&world, DeliveryMode::FinalUrl).await;
    let draft = world.status(&format!("?job_id={id}")).await.json()["draft"]["final_url"].clone();
    for key in [REVIEW_KEY, REVIEW_KEY] {
        let approved = decide(&world, &id, "approve", key, json!({"revision": 1})).await;
        assert_eq!(approved.status, 200, "{approved:?}");
        let body = approved.json();
        assert_eq!((&body["status"], &body["review"]["verdict"]), (&json!("done"), &json!("approved")), "{body}");
        assert!(body["review"]["by"].as_str().is_some_and(|by| by.starts_with("key:")), "{body}");
    }
    let status = world.status(&format!("?job_id={id}")).await.json();
    let path = |link: &Value| link.as_str().and_then(|link| link.split('?').next()).map(str::to_owned);
    assert_eq!(path(&status["final_url"]), path(&draft), "the draft is the result: {status}");
    assert_eq!((status.get("draft"), &status["progress"]), (None, &json!(100)));
    let job = world.ask(get_job(&id)).await.json();
    assert_eq!(job["review"]["revision"], 1, "{job}");
    let late = decide(&world, &id, "reject", KEY, json!({"revision": 1, "reason": "edge"})).await;
    assert_eq!((late.status.as_u16(), &late.json()["error"]), (409, &json!("not_held")), "{late:?}");
}

fn get_job(id: &str) -> axum::http::request::Builder {
    Request::builder().uri(format!("/api/v1/jobs/{id}")).header("x-api-key", KEY)
}

#[tokio::test]
async fn an_empty_draft_is_not_approved() {
    let world = World::new().await;
    let history = doubtful(held(DeliveryMode::Url), AttentionReason::NoSubject);
    let id = store_job(&world, history).await.to_string();
    let refused = decide(&world, &id, "approve", REVIEW_KEY, json!({"revision": 1})).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (409, &json!("empty_draft")), "{refused:?}");
    let body = json!({"revision": 1, "reason": "subject"});
    assert_eq!(decide(&world, &id, "reject", REVIEW_KEY, body).await.status, 200);
}

#[tokio::test]
async fn a_list_says_which_drafts_are_empty() {
    let listed = async |world: &World| {
        let list = world.ask(Request::builder().uri("/api/v1/jobs").header("x-api-key", KEY)).await.json();
        list["jobs"][0].clone()
    };
    for (reason, expected) in [(AttentionReason::NoSubject, Some(&json!(true))), (AttentionReason::LowContrast, None)] {
        let world = World::new().await;
        let id = store_job(&world, doubtful(held(DeliveryMode::Url), reason)).await.to_string();
        let job = listed(&world).await;
        assert_eq!((&job["status"], job.get("empty_draft")), (&json!("pending_review"), expected), "{job}");
        let body = json!({"revision": 1, "reason": "subject"});
        assert_eq!(decide(&world, &id, "reject", KEY, body).await.status, 200);
        let ended = listed(&world).await;
        assert_eq!((&ended["status"], ended.get("empty_draft")), (&json!("failed"), None), "{ended}");
    }
}

#[tokio::test]
async fn a_reviewer_rejects() {
    let world = World::new().await;
    let id = held_job(&world, DeliveryMode::Url).await;
    let body = json!({"revision": 1, "reason": "subject", "note": "the <b>handle</b> is gone"});
    let rejected = decide(&world, &id, "reject", KEY, body).await.json();
    assert_eq!((&rejected["status"], &rejected["review"]["reason"]), (&json!("failed"), &json!("subject")));
    let status = world.status(&format!("?job_id={id}")).await.json();
    let error = json!({
        "code": "rejected", "retryable": false,
        "message": "a reviewer rejected the pictures (subject): the <b>handle</b> is gone",
    });
    assert_eq!((&status["status"], &status["state"], &status["error"]), (&json!("failed"), &json!("done"), &error));
}

#[tokio::test]
async fn a_decision_needs_the_right_key_job_and_revision() {
    let world = World::new().await;
    let id = held_job(&world, DeliveryMode::Url).await;
    let approve = async |id: &str, key: &str, body: Value| decide(&world, id, "approve", key, body).await;
    let revision = json!({"revision": 1});
    assert_eq!(approve(&id, READ_KEY, revision.clone()).await.status, 403);
    approve(&id, OTHER_KEY, revision.clone()).await.is(404, NOT_FOUND);
    approve("not-an-id", KEY, revision.clone()).await.is(404, NOT_FOUND);
    let stale = approve(&id, KEY, json!({"revision": 2})).await;
    assert_eq!((stale.status.as_u16(), &stale.json()["error"]), (409, &json!("stale_revision")), "{stale:?}");
    let required = "This field is required: the revision of the draft that you looked at.";
    approve(&id, KEY, json!({})).await.is_invalid(json!({ "revision": [required] }));
    let form = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{id}/approve"));
    let form = form.header("x-api-key", KEY).header("content-type", Form::CONTENT_TYPE);
    assert_eq!(world.ask_with(form, Form::new().text("revision", "1").body()).await.status, 415);
    let still = world.status(&format!("?job_id={id}")).await.json();
    assert_eq!(still["status"], "pending_review", "nothing was decided: {still}");

    for history in [queued(cutline_core::Mode::Background, DeliveryMode::Url), simply_done(DeliveryMode::Url)] {
        let world = World::new().await;
        let id = store_job(&world, history).await.to_string();
        let refused = decide(&world, &id, "approve", KEY, revision.clone()).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (409, &json!("not_held")));
    }
}

#[tokio::test]
async fn a_review_key_changes_nothing_else() {
    let world = World::new().await;
    let id = held_job(&world, DeliveryMode::Url).await;
    for (method, path) in [(Method::POST, "/retry"), (Method::POST, "/webhook"), (Method::DELETE, "")] {
        let request = Request::builder().method(method).uri(format!("/api/v1/jobs/{id}{path}"));
        assert_eq!(world.ask(request.header("x-api-key", REVIEW_KEY)).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn lists_find_held_jobs_and_decisions() {
    let world = World::new().await;
    let id = held_job(&world, DeliveryMode::Url).await;
    let ids = async |query: &str| -> Vec<String> {
        let request = Request::builder().uri(format!("/api/v1/jobs{query}")).header("x-api-key", READ_KEY);
        let listed = world.ask(request).await.json();
        let jobs = listed["jobs"].as_array().expect("a list").clone();
        jobs.iter().map(|job| job["job_id"].as_str().expect("an id").to_owned()).collect()
    };
    for query in ["?status=pending_review", "?state=pending", "?confidence_lt=1"] {
        assert_eq!(ids(query).await, std::slice::from_ref(&id), "{query}");
    }
    for query in ["?status=queued", "?review=approved"] {
        assert_eq!(ids(query).await, Vec::<String>::new(), "{query}");
    }
    decide(&world, &id, "approve", KEY, json!({"revision": 1})).await;
    assert_eq!(ids("?review=approved").await, [id]);
    assert_eq!(ids("?status=pending_review").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_takes_a_rule_from_json_and_from_a_form() {
    let world = World::new().await;
    let json = json!({"file_url": "https://example.com/a.jpg", "review": {"below": 0.5}});
    let form = Form::new().file("cup.png", PNG).text("review", r#"{"below": 0.5}"#);
    let below = ReviewRule::read(&json!({"below": 0.5})).expect("a rule");
    for accepted in [world.upload_json(&json).await, world.upload_form(&form).await] {
        let id = accepted.json()["job_id"].as_str().expect("an id").to_owned();
        let job = world.store.all_jobs().into_iter().find(|job| job.id.to_string() == id).expect("a job");
        assert_eq!(job.spec.review, below);
    }
    let message = r#"This value must be "off", "always", or {"below": a number from 0 to 1}."#;
    let bad = json!({"file_url": "https://example.com/a.jpg", "review": "sometimes"});
    world.upload_json(&bad).await.is_invalid(json!({ "review": [message] }));
}
