//! `GET /api/v1/status`: links, missing jobs and bad queries. The bodies for each state are in `snapshots`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use cutline_core::domain::attention::AttentionReason;
use cutline_core::domain::job::{Job, Step};
use cutline_core::ports::{Clock, Ids};
use cutline_core::testing::SequentialIds;
use cutline_core::{DeliveryMode, Mode, Warnings};
use serde_json::{Value, json};

use crate::failing_ports::{Broken, INTERNALS};
use crate::jobs::{
    History, ID, POLICY, checked, cropped, done, done_by_an_older_version, doubtful, failed, held, queued, running,
    simply_done, store_job, then, with_set,
};
use crate::support::{KEY, World, get};

const NOT_FOUND: &str = r#"{"error":"not_found"}"#;

/// The status body of a job with this history.
async fn status_body(history: History) -> String {
    let world = World::new().await;
    let id = store_job(&world, history).await;
    let answer = world.status(&format!("?job_id={id}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.body
}

#[tokio::test]
async fn a_job_shows_its_parameter_set_if_that_has_a_name() {
    let revision = SequentialIds::default().revision();
    let histories: [fn() -> History; 4] = [
        || queued(Mode::Params, DeliveryMode::Url),
        || running(Mode::Params, DeliveryMode::Url, Step::Compose),
        || done(Mode::Params, DeliveryMode::Url, Warnings::new(), Vec::new()),
        || failed(DeliveryMode::Url),
    ];
    for history in histories {
        let named = status_body(with_set(history(), Some("Test-Api"), Some(revision))).await;
        let expected = r#","params":{"name":"Test-Api","revision":"019c0000000070008000000000000000"},"progress":"#;
        assert!(named.contains(expected), "{named}");
        let built_in = status_body(with_set(history(), Some("wall"), None)).await;
        assert!(built_in.contains(r#","params":{"name":"wall"},"progress":"#), "{built_in}");
        for body in [status_body(with_set(history(), None, None)).await, status_body(history()).await] {
            assert!(!body.contains("\"params\":"), "{body}");
        }
    }
}

#[tokio::test]
async fn a_status_never_goes_back_between_intake_and_the_pictures() {
    let lease = || SequentialIds::default().lease();
    let waiting = || -> History {
        let queued = queued(Mode::Background, DeliveryMode::Url);
        Box::new(move |world| queued(world).into_iter().map(Job::awaiting_intake).collect())
    };
    let claimed = move |history| {
        then(history, move |job, world| job.claim(lease(), world.clock.now(), &POLICY).expect("claimed").job)
    };
    let fetched = move || {
        then(claimed(waiting()), move |job, world| {
            job.fetched(lease(), world.clock.now(), &POLICY).expect("fetched").job
        })
    };
    let cases = [
        (waiting(), "queued", 0),
        (claimed(waiting()), "pending_fetch", 5),
        (fetched(), "pending_background", 20),
        (claimed(fetched()), "pending_background", 20),
    ];
    for (history, status, progress) in cases {
        let body: Value = serde_json::from_str(&status_body(history).await).expect("JSON");
        assert_eq!((&body["status"], &body["progress"]), (&json!(status), &json!(progress)), "{body}");
        assert_eq!((&body["state"], &body["final_url"]), (&json!("pending"), &Value::Null), "{body}");
    }
}

#[tokio::test]
async fn a_done_job_of_mode_clipping_links_both_pictures_and_the_path() {
    let link = |name: &str| format!("https://files.invalid/jobs/{ID}/{ID}/{name}?signature=none");
    let parsed = |body: String| serde_json::from_str::<Value>(&body).expect("JSON");
    let history = |delivery, warnings| done(Mode::Clipping, delivery, warnings, Vec::new());

    let body = parsed(status_body(history(DeliveryMode::Url, Warnings::new())).await);
    let pictures = json!({ "background": link("background.webp"), "clipping": link("clipping.webp") });
    assert_eq!((&body["mode"], &body["final_urls"], &body["final_url"]), (&json!("clipping"), &pictures, &json!(null)));
    assert_eq!(body["assets"], json!({ "clipping_path": link("clipping_path.svg"), "matte": link("matte.png") }));

    let body = parsed(status_body(history(DeliveryMode::FinalUrl, Warnings::new())).await);
    assert_eq!(body["final_url"], link("clipping.webp"));
    assert!(body.get("final_urls").is_none(), "{body}");

    // An outline that cannot be traced as a clean path leaves out only the path.
    let warnings = Warnings::from([("clipping".to_owned(), vec!["hair".to_owned()])]);
    let body = parsed(status_body(history(DeliveryMode::Url, warnings)).await);
    assert_eq!(body["final_urls"], pictures);
    assert_eq!(body["assets"], json!({ "matte": link("matte.png") }));
    assert_eq!(body["warnings"], json!({ "clipping": ["hair"] }));
}

#[tokio::test]
async fn a_job_shows_the_box_that_its_pictures_are_cropped_to() {
    let histories: [fn() -> History; 2] = [|| simply_done(DeliveryMode::Url), || held(DeliveryMode::FinalUrl)];
    for history in histories {
        let parsed = |body: String| serde_json::from_str::<Value>(&body).expect("JSON");
        let (body, whole) = (parsed(status_body(cropped(history())).await), parsed(status_body(history()).await));
        assert_eq!((body.get("crop_box"), whole.get("crop_box")), (Some(&json!([12, 0, 340, 299])), None), "{body}");
    }
}

#[tokio::test]
async fn a_job_shows_where_a_person_should_look() {
    let histories: [fn() -> History; 2] = [|| simply_done(DeliveryMode::Url), || held(DeliveryMode::FinalUrl)];
    for history in histories {
        let parsed = |body: String| serde_json::from_str::<Value>(&body).expect("JSON");
        let marked = parsed(status_body(doubtful(history(), AttentionReason::LowContrast)).await);
        let expected = json!([{ "reason": "low_contrast", "message": "Look here.", "box": [12, 0, 52, 30] }]);
        assert_eq!(marked.get("attention"), Some(&expected), "{marked}");
        assert_eq!(parsed(status_body(history()).await).get("attention"), None);
    }
}

#[tokio::test]
async fn a_job_shows_the_check_of_its_pixels() {
    let histories: [fn() -> History; 2] = [|| simply_done(DeliveryMode::Url), || held(DeliveryMode::FinalUrl)];
    for history in histories {
        let parsed = |body: String| serde_json::from_str::<Value>(&body).expect("JSON");
        let (body, other) = (parsed(status_body(checked(history())).await), parsed(status_body(history()).await));
        let expected = json!({ "pixels": 5_000_000_000_u64, "largest_difference": 0 });
        assert_eq!((body.get("pixel_check"), other.get("pixel_check")), (Some(&expected), None), "{body}");
    }
}

#[tokio::test]
async fn a_job_of_an_older_version_has_no_confidence_and_no_assets() {
    let body = status_body(done_by_an_older_version(DeliveryMode::Url)).await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert!(body.get("confidence").is_none(), "{body}");
    assert_eq!((&body["assets"], &body["status"]), (&json!({}), &json!("done")));
}

#[tokio::test]
async fn every_request_signs_new_links() {
    let world = World::new().await;
    let id = store_job(&world, simply_done(DeliveryMode::Url)).await;
    let first = world.status(&format!("?job_id={id}")).await.json();
    world.clock.advance(Duration::from_secs(60));
    let second = world.status(&format!("?job_id={id}")).await.json();
    assert_eq!(first["expires_at"], "2026-05-28T21:26:40Z");
    assert_eq!(second["expires_at"], "2026-05-28T21:27:40Z");
}

#[tokio::test]
async fn an_unknown_withdrawn_or_expired_job_is_404() {
    let world = World::new().await;
    world.status(&format!("?job_id={ID}")).await.is(404, NOT_FOUND);
    let withdrawn = then(queued(Mode::Background, DeliveryMode::Url), |job, world| {
        job.withdraw(world.clock.now(), &POLICY).expect("withdrawn").job
    });
    let id = store_job(&world, withdrawn).await;
    world.status(&format!("?job_id={id}")).await.is(404, NOT_FOUND);

    let world = World::new().await;
    let id = store_job(&world, failed(DeliveryMode::Url)).await;
    world.clock.advance(POLICY.retention);
    world.status(&format!("?job_id={id}")).await.is(404, NOT_FOUND);
}

#[tokio::test]
async fn a_missing_or_invalid_job_id_is_422() {
    let world = World::new().await;
    for query in ["", "?", "?job_id", "?job_id=", "?id=019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"] {
        world.status(query).await.is_invalid(json!({ "job_id": ["You must provide job_id"] }));
    }
    for query in ["?job_id=7", "?job_id=..%2F..", "?job_id=%FF", "?job_id=019cdc54-2673-dc32-b9e5-6e1d36cc9e8"] {
        world.status(query).await.is_invalid(json!({ "job_id": ["This value is not a valid UUID."] }));
    }
    let twice = format!("?job_id={ID}&job_id={ID}");
    world.status(&twice).await.is_invalid(json!({ "job_id": ["This field was sent more than once."] }));
}

#[tokio::test]
async fn a_failing_store_is_503() {
    let world = World::new().await.with(|api| {
        if let Some(status) = &mut api.status {
            status.jobs = Arc::new(Broken);
        }
    });
    let answer = world.status(&format!("?job_id={ID}")).await;
    answer.is(503, r#"{"error":"unavailable","message":"The service is temporarily unavailable; try again later."}"#);
    assert_eq!(answer.header("retry-after"), "5");
    assert!(!answer.body.contains(INTERNALS));
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let world = World::new().await;
    let id = store_job(&world, queued(Mode::Background, DeliveryMode::Url)).await;
    let whole = world.status(&format!("?job_id={id}")).await;
    let uri = format!("/api/v1/status?job_id={id}");
    let head = get(&uri).method(Method::HEAD).header("x-api-key", KEY).body(Body::empty()).expect("a request");
    let answer = world.send(head).await;
    answer.is(200, "");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-length"), whole.body.len().to_string());
}
