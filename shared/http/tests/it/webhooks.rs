//! `webhook_url` on uploads, the delivery of webhooks in `/api/v1/jobs/<id>`, and sending one again.

use axum::http::{Method, Request};
use cutline_core::domain::job::ReportId;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::domain::webhook_secret::{WebhookSecret, WebhookSecrets};
use cutline_core::ports::{Clock, Deliveries, Jobs, OwnerWebhooks};
use cutline_core::{DeliveryMode, JobId, Mode};
use serde_json::{Value, json};

use crate::jobs::{History, POLICY, failed, queued, store_job, then};
use crate::support::{Answer, Form, KEY, OTHER_KEY, PNG, READ_KEY, World, owner, upload};

const URL: &str = "https://example.com/hook?token=secret";

/// A world whose owner has a webhook secret.
async fn world() -> World {
    let world = World::new().await;
    let secret = WebhookSecret::generate().expect("random");
    let secrets = WebhookSecrets::default().rotated(secret, world.clock.now());
    world.store.put_webhook_secrets(&owner(), &secrets).await.expect("stored");
    world
}

async fn resend(world: &World, id: &str, key: &str) -> Answer {
    let request = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{id}/webhook"));
    world.ask(request.header("x-api-key", key)).await
}

async fn shown(world: &World, id: &str) -> Value {
    let request = Request::builder().uri(format!("/api/v1/jobs/{id}")).header("x-api-key", KEY);
    world.ask(request).await.json()["webhook"].clone()
}

fn with_webhook(history: History) -> History {
    Box::new(move |world| {
        let url: Result<_, _> = URL.to_owned().try_into();
        let mut versions = history(world);
        let webhook = versions[0].clone().with_webhook(url.expect("a URL"), false);
        for job in &mut versions {
            (job.reports, job.needs) = (webhook.reports.clone(), webhook.needs);
        }
        versions
    })
}

#[tokio::test]
async fn an_upload_takes_a_webhook_url_from_json_and_from_a_form() {
    let world = world().await;
    let json = json!({"file_url": "https://example.com/a.jpg", "webhook_url": URL});
    let form = Form::new().file("cup.png", PNG).text("webhook_url", URL);
    for answer in [world.upload_json(&json).await, world.upload_form(&form).await] {
        assert_eq!(answer.status, 202, "{answer:?}");
        let id = answer.json()["job_id"].as_str().expect("an id").to_owned();
        let job_id: JobId = id.parse().expect("an id");
        let expected = json!({
            "id": ReportId::webhook(job_id), "host": "example.com", "state": "waiting", "attempts": 0,
        });
        assert_eq!(shown(&world, &id).await, expected);
        let status = world.status(&format!("?job_id={id}")).await;
        assert!(!status.body.contains("webhook"), "the status is as without one: {status:?}");
    }
    let without = world.upload_json(&json!({"file_url": "https://example.com/a.jpg"})).await.json();
    assert_eq!(shown(&world, without["job_id"].as_str().expect("an id")).await, Value::Null);
}

#[tokio::test]
async fn a_webhook_url_that_nobody_could_verify_or_reach_is_refused() {
    let world = World::new().await;
    let json = json!({"file_url": "https://example.com/a.jpg", "webhook_url": URL});
    let message = "The account has no webhook secret yet; ask the operator to make one with \
                   `cutline owners set NAME --rotate-secret`.";
    world.upload_json(&json).await.is_invalid(json!({ "webhook_url": [message] }));
    let not_public = "This value must lead to the public internet, not to a private, local or reserved address.";
    for url in ["https://169.254.169.254/", "https://[::1]/", "https://localhost:8443/"] {
        let json = json!({"file_url": "https://example.com/a.jpg", "webhook_url": url});
        world.upload_json(&json).await.is_invalid(json!({ "webhook_url": [not_public] }));
    }
    let long = format!("https://example.com/{}", "a".repeat(5_000));
    for (url, message) in [
        ("http://example.com/hook", "This value must be an https URL."),
        (
            "https://user:password@example.com/",
            "This value must not contain a user name or password; put a token into the path or query.",
        ),
        (&long, "This value must be at most 4,096 bytes long."),
    ] {
        let json = json!({"file_url": "https://example.com/a.jpg", "webhook_url": url});
        world.upload_json(&json).await.is_invalid(json!({ "webhook_url": [message] }));
    }
    assert!(world.store.all_jobs().is_empty());
}

#[tokio::test]
async fn the_url_is_part_of_the_request() {
    let world = world().await;
    let send = async |webhook_url: &str| {
        let request = upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("idempotency-key", "abc");
        world.ask_with(request, Form::new().file("a.png", PNG).text("webhook_url", webhook_url).body()).await
    };
    let first = send(URL).await;
    let again = send(URL).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &first.body));
    assert_eq!(send("https://example.com/other").await.status, 422, "another request");
    assert_eq!(world.store.all_jobs().len(), 1);
}

#[tokio::test]
async fn a_webhook_is_sent_again_once_the_job_has_ended() {
    let world = world().await;
    let id = store_job(&world, with_webhook(failed(DeliveryMode::Url))).await;
    let ended = world.store.get(id).await.expect("get").expect("a job");
    let now = world.clock.now();
    let delivered = {
        let (report, token) = (ReportId::webhook(id), cutline_core::Ids::lease(&cutline_core::SystemIds));
        let claimed = ended.claim_webhook(&report, token, now);
        // The history's versions were made without the webhook, so its event is missing and it is owed all the same.
        let claimed = claimed.expect("claims").job;
        let result = cutline_core::domain::job::WebhookResult {
            status: Some(410),
            verdict: cutline_core::domain::job::WebhookVerdict::Gone,
        };
        world
            .store
            .replace(&cutline_core::domain::job::Transition::without_effects(claimed.clone()))
            .await
            .expect("put");
        claimed.webhook_sent(&report, token, &result, now).expect("notes")
    };
    world.store.replace(&delivered).await.expect("put");
    let gone = shown(&world, &id.to_string()).await;
    assert_eq!((&gone["state"], &gone["last_status"], &gone["attempts"]), (&json!("given_up"), &json!(410), &json!(1)));
    assert_eq!(gone["last_error"], "the receiver answered that it is gone");
    assert_eq!((&gone["last_attempt_at"], gone.get("next_at")), (&json!(now), None));

    let answer = resend(&world, &id.to_string(), KEY).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["job_id"], &body["webhook"]["state"]), (&json!(id), &json!("pending")));
    assert_eq!(body["webhook"], shown(&world, &id.to_string()).await);
    let received = world.reports.receive(10, std::time::Duration::ZERO).await.expect("receive");
    let expected = ReportMessage { job_id: id, report_id: ReportId::webhook(id) }.body();
    assert_eq!(received.iter().map(|delivery| &delivery.body).collect::<Vec<_>>(), [&expected]);
}

#[tokio::test]
async fn what_cannot_be_sent_again_says_why() {
    let world = world().await;
    const NOT_FOUND: &str = r#"{"error":"not_found"}"#;
    let pending = store_job(&world, with_webhook(queued(Mode::Background, DeliveryMode::Url))).await.to_string();
    let message = "The job has not ended; wait until its state is done.";
    resend(&world, &pending, KEY).await.is(409, &format!(r#"{{"error":"job_pending","message":"{message}"}}"#));
    for (id, key) in
        [(pending.as_str(), OTHER_KEY), ("not-an-id", KEY), (&JobId::new(uuid::Uuid::nil()).to_string(), KEY)]
    {
        resend(&world, id, key).await.is(404, NOT_FOUND);
    }
    let read = resend(&world, &pending, READ_KEY).await;
    assert_eq!((read.status.as_u16(), &read.json()["error"]), (403, &json!("forbidden")));
    let request = Request::builder().method(Method::POST).uri(format!("/api/v1/jobs/{pending}/webhook"));
    assert_eq!(world.ask(request).await.status, 401);
    let get = Request::builder().uri(format!("/api/v1/jobs/{pending}/webhook")).header("x-api-key", KEY);
    let refused = world.ask(get).await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "POST"));

    let world = self::world().await;
    let without = store_job(&world, failed(DeliveryMode::Url)).await;
    let message = "The job has no webhook; send webhook_url with the upload, or ask the operator to set one.";
    resend(&world, &without.to_string(), KEY)
        .await
        .is(409, &format!(r#"{{"error":"no_webhook","message":"{message}"}}"#));

    let world = self::world().await;
    let deleted = store_job(
        &world,
        with_webhook(then(failed(DeliveryMode::Url), |job, world| {
            job.delete(world.clock.now(), &POLICY).expect("deletes").job
        })),
    )
    .await;
    resend(&world, &deleted.to_string(), KEY).await.is(404, NOT_FOUND);
    world.clock.advance(POLICY.retention);
    resend(&world, &deleted.to_string(), KEY).await.is(404, NOT_FOUND);
}

#[tokio::test]
async fn a_request_to_send_again_counts_against_the_rate_limit() {
    let world = World::new().await.with_rate_limit(1).await;
    let id = store_job(&world, failed(DeliveryMode::Url)).await.to_string();
    assert_eq!(resend(&world, &id, KEY).await.status, 409);
    assert_eq!(resend(&world, &id, KEY).await.status, 429);
}
