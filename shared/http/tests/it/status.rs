//! GET /api/v1/status: how a job stands, in each of its states and both ways of delivery.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use cutline_core::domain::job::{Job, JobParamSet, JobSpec, Source, Step, Transition};
use cutline_core::domain::outcome::{Outcome, StoredAsset, StoredPicture};
use cutline_core::domain::params::{ParamSet, Revision};
use cutline_core::ports::Jobs;
use cutline_core::ports::{Clock, Ids};
use cutline_core::testing::SequentialIds;
use cutline_core::{
    AssetKind, Confidence, DeliveryMode, FailureCode, Fault, JobId, LeaseToken, Mode, OutputFormat, Policy, StorageKey,
    Variation,
};
use serde_json::json;

use crate::ports::{Broken, INTERNALS};
use crate::support::{KEY, World, get, owner};

const POLICY: Policy = Policy::with_retention_days(7);
const ID: &str = "019c0000-0000-7000-8000-000000000000";
const NOT_FOUND: &str = r#"{"error":"not_found"}"#;

/// How a job comes to the state that a test wants it in: its versions, one after the other.
pub(crate) type Life = Box<dyn Fn(&World) -> Vec<Job>>;

/// Stores a job's versions, and gives its id.
pub(crate) async fn job_in(world: &World, life: Life) -> JobId {
    let versions = life(world);
    let id = versions[0].id;
    world.store.create(&versions[0]).await.expect("created");
    for version in &versions[1..] {
        world.store.replace(&Transition::without_effects(version.clone())).await.expect("replaced");
    }
    id
}

pub(crate) fn queued(mode: Mode, delivery: DeliveryMode) -> Life {
    Box::new(move |world| {
        let (format, rendering) = (Some(OutputFormat::Webp), Default::default());
        let spec = JobSpec { mode, delivery, format, rendering, set: None, source: Source::Stored };
        vec![Job::new(SequentialIds::default().job(), owner(), spec, world.clock.now(), &POLICY)]
    })
}

fn lease() -> LeaseToken {
    SequentialIds::default().lease()
}

/// Goes on from a life's last version.
fn then(life: Life, next: impl Fn(Job, &World) -> Job + 'static) -> Life {
    Box::new(move |world| {
        let mut versions = life(world);
        let last = versions[versions.len() - 1].clone();
        versions.push(next(last, world));
        versions
    })
}

fn running(delivery: DeliveryMode, step: Step) -> Life {
    running_in(Mode::Background, delivery, step)
}

fn running_in(mode: Mode, delivery: DeliveryMode, step: Step) -> Life {
    let claimed =
        then(queued(mode, delivery), |job, world| job.claim(lease(), world.clock.now(), &POLICY).expect("claimed").job);
    then(claimed, move |job, _| job.advance(lease(), step).expect("advanced").job)
}

fn done(delivery: DeliveryMode, warnings: BTreeMap<String, Vec<String>>, ignored: Vec<String>) -> Life {
    done_in(Mode::Background, delivery, warnings, ignored)
}

fn done_in(mode: Mode, delivery: DeliveryMode, warnings: BTreeMap<String, Vec<String>>, ignored: Vec<String>) -> Life {
    then(running_in(mode, delivery, Step::Delivery), move |job, world| {
        let (id, lease, format) = (job.id, lease(), OutputFormat::Webp);
        let picture = |variation| {
            let key = StorageKey::Output { job: id, lease, variation, format };
            (variation, StoredPicture { key, bytes: 1, width: 1, height: 1 })
        };
        let asset = |kind| (kind, StoredAsset { key: StorageKey::Asset { job: id, lease, kind }, bytes: 1 });
        let mut outcome = Outcome {
            pictures: BTreeMap::from([picture(Variation::Background)]),
            final_picture: Variation::Background,
            assets: BTreeMap::from([asset(AssetKind::Matte)]),
            confidence: Some(Confidence::nearest(0.9)),
            warnings: warnings.clone(),
            ignored: ignored.clone(),
            pipeline_version: "1+isnet-b6e8497b".to_owned(),
        };
        if mode == Mode::Clipping {
            outcome.pictures.extend([picture(Variation::Clipping)]);
            outcome.final_picture = Variation::Clipping;
            if warnings.is_empty() {
                outcome.assets.extend([asset(AssetKind::ClippingPath)]);
            }
        }
        job.finish(lease, outcome, world.clock.now(), &POLICY).expect("finished").job
    })
}

fn failed(delivery: DeliveryMode) -> Life {
    then(running(delivery, Step::Background), |job, world| {
        let fault = Fault::fail(FailureCode::SourceUnreachable, "the source answered with status 404 Not Found");
        job.give_up(lease(), fault, world.clock.now(), &POLICY).expect("failed").job
    })
}

/// The whole body for a job with this life.
async fn body_of(life: Life) -> String {
    let world = World::new().await;
    let id = job_in(&world, life).await;
    let answer = world.status(&format!("?job_id={id}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.body
}

#[tokio::test]
async fn a_queued_job() {
    let body = body_of(queued(Mode::Params, DeliveryMode::FinalUrl)).await;
    let expected =
        r#"{"job_id":"ID","status":"queued","state":"pending","mode":"params","progress":0,"final_url":null}"#;
    assert_eq!(body, expected.replace("ID", ID));
}

/// A life whose job was made with this set.
fn with_set(life: Life, name: Option<&'static str>, revision: Option<Revision>) -> Life {
    Box::new(move |world| {
        let mut versions = life(world);
        let name = name.map(|name| name.parse().expect("a name"));
        for job in &mut versions {
            job.spec.set = Some(JobParamSet { name: name.clone(), revision, set: ParamSet::empty() });
        }
        versions
    })
}

#[tokio::test]
async fn a_job_says_which_parameter_set_it_was_made_with_if_that_has_a_name() {
    let revision = SequentialIds::default().revision();
    let lives: [fn() -> Life; 4] = [
        || queued(Mode::Params, DeliveryMode::Url),
        || running_in(Mode::Params, DeliveryMode::Url, Step::Compose),
        || done_in(Mode::Params, DeliveryMode::Url, BTreeMap::new(), Vec::new()),
        || failed(DeliveryMode::Url),
    ];
    for life in lives {
        let named = body_of(with_set(life(), Some("Test-Api"), Some(revision))).await;
        let expected = r#","params":{"name":"Test-Api","revision":"019c0000000070008000000000000000"},"progress":"#;
        assert!(named.contains(expected), "{named}");
        let built_in = body_of(with_set(life(), Some("wall"), None)).await;
        assert!(built_in.contains(r#","params":{"name":"wall"},"progress":"#), "{built_in}");
        for body in [body_of(with_set(life(), None, None)).await, body_of(life()).await] {
            assert!(!body.contains("\"params\":"), "{body}");
        }
    }
}

#[tokio::test]
async fn a_running_job_says_its_step() {
    for (step, status, progress) in [
        (Step::Fetch, "pending_fetch", 5),
        (Step::Background, "pending_background", 20),
        (Step::Clipping, "pending_clipping", 60),
        (Step::Compose, "pending_compose", 60),
        (Step::Delivery, "pending_delivery", 85),
    ] {
        let common = format!(
            r#"{{"job_id":"{ID}","status":"{status}","state":"pending","mode":"background","progress":{progress}"#
        );
        let body = body_of(running(DeliveryMode::FinalUrl, step)).await;
        assert_eq!(body, format!(r#"{common},"final_url":null}}"#));
        let body = body_of(running(DeliveryMode::Url, step)).await;
        assert_eq!(body, format!(r#"{common},"final_url":null,"final_urls":null}}"#));
    }
}

#[tokio::test]
async fn a_done_job_links_to_its_one_picture() {
    let body = body_of(done(DeliveryMode::FinalUrl, BTreeMap::new(), Vec::new())).await;
    let expected = r#"{"job_id":"ID","status":"done","state":"done","mode":"background","progress":100,"final_url":"https://files.invalid/jobs/ID/ID/background.webp?signature=none","assets":{"matte":"https://files.invalid/jobs/ID/ID/matte.png?signature=none"},"confidence":0.9,"warnings":{},"ignored_variations":[],"pipeline_version":"1+isnet-b6e8497b","expires_at":"2026-05-28T21:26:40Z"}"#;
    assert_eq!(body, expected.replace("ID", ID));
}

#[tokio::test]
async fn a_done_job_links_to_its_pictures_by_name() {
    let warnings = BTreeMap::from([("shadow_wall".to_owned(), vec!["params not provided".to_owned()])]);
    let body = body_of(done(DeliveryMode::Url, warnings, vec!["shadow_wall".to_owned()])).await;
    let expected = r#"{"job_id":"ID","status":"done","state":"done","mode":"background","progress":100,"final_url":null,"final_urls":{"background":"https://files.invalid/jobs/ID/ID/background.webp?signature=none"},"assets":{"matte":"https://files.invalid/jobs/ID/ID/matte.png?signature=none"},"confidence":0.9,"warnings":{"shadow_wall":["params not provided"]},"ignored_variations":["shadow_wall"],"pipeline_version":"1+isnet-b6e8497b","expires_at":"2026-05-28T21:26:40Z"}"#;
    assert_eq!(body, expected.replace("ID", ID));
}

#[tokio::test]
async fn a_done_job_of_mode_clipping_links_to_both_pictures_and_to_its_path() {
    let link = |name: &str| format!("https://files.invalid/jobs/{ID}/{ID}/{name}?signature=none");
    let parsed = |body: String| serde_json::from_str::<serde_json::Value>(&body).expect("JSON");
    let life = |delivery, warnings| done_in(Mode::Clipping, delivery, warnings, Vec::new());

    let body = parsed(body_of(life(DeliveryMode::Url, BTreeMap::new())).await);
    let pictures = json!({ "background": link("background.webp"), "clipping": link("clipping.webp") });
    assert_eq!((&body["mode"], &body["final_urls"], &body["final_url"]), (&json!("clipping"), &pictures, &json!(null)));
    assert_eq!(body["assets"], json!({ "clipping_path": link("clipping_path.svg"), "matte": link("matte.png") }));

    let body = parsed(body_of(life(DeliveryMode::FinalUrl, BTreeMap::new())).await);
    assert_eq!(body["final_url"], link("clipping.webp"));
    assert!(body.get("final_urls").is_none(), "{body}");

    // Where there is no honest path, everything a client reads is there but the path.
    let warnings = BTreeMap::from([("clipping".to_owned(), vec!["hair".to_owned()])]);
    let body = parsed(body_of(life(DeliveryMode::Url, warnings)).await);
    assert_eq!(body["final_urls"], pictures);
    assert_eq!(body["assets"], json!({ "matte": link("matte.png") }));
    assert_eq!(body["warnings"], json!({ "clipping": ["hair"] }));
}

#[tokio::test]
async fn a_job_that_an_earlier_version_finished_has_no_confidence_and_no_assets() {
    let life = then(done(DeliveryMode::Url, BTreeMap::new(), Vec::new()), |job, _| {
        let mut job = Job { version: job.version + 1, ..job };
        if let cutline_core::JobState::Done { outcome, .. } = &mut job.state {
            (outcome.confidence, outcome.assets) = (None, BTreeMap::new());
        }
        job
    });
    let body: serde_json::Value = serde_json::from_str(&body_of(life).await).expect("JSON");
    assert!(body.get("confidence").is_none(), "{body}");
    assert_eq!((&body["assets"], &body["status"]), (&json!({}), &json!("done")));
}

#[tokio::test]
async fn a_failed_job_says_why() {
    let common =
        r#"{"job_id":"ID","status":"failed","state":"done","mode":"background","progress":20,"final_url":null"#;
    let error = r#""error":{"code":"source_unreachable","message":"the source answered with status 404 Not Found","retryable":false}}"#;
    let body = body_of(failed(DeliveryMode::FinalUrl)).await;
    assert_eq!(body, format!("{common},{error}").replace("ID", ID));
    let body = body_of(failed(DeliveryMode::Url)).await;
    assert_eq!(body, format!("{common},\"final_urls\":null,{error}").replace("ID", ID));
}

#[tokio::test]
async fn links_are_signed_anew_for_every_question() {
    let world = World::new().await;
    let id = job_in(&world, done(DeliveryMode::Url, BTreeMap::new(), Vec::new())).await;
    let first = world.status(&format!("?job_id={id}")).await.json();
    world.clock.advance(Duration::from_secs(60));
    let second = world.status(&format!("?job_id={id}")).await.json();
    assert_eq!(first["expires_at"], "2026-05-28T21:26:40Z");
    assert_eq!(second["expires_at"], "2026-05-28T21:27:40Z");
}

#[tokio::test]
async fn a_job_that_is_not_there_is_404() {
    let world = World::new().await;
    world.status(&format!("?job_id={ID}")).await.is(404, NOT_FOUND);
    let withdrawn = then(queued(Mode::Background, DeliveryMode::Url), |job, world| {
        job.withdraw(world.clock.now(), &POLICY).expect("withdrawn").job
    });
    let id = job_in(&world, withdrawn).await;
    world.status(&format!("?job_id={id}")).await.is(404, NOT_FOUND);

    let world = World::new().await;
    let id = job_in(&world, failed(DeliveryMode::Url)).await;
    world.clock.advance(POLICY.retention);
    world.status(&format!("?job_id={id}")).await.is(404, NOT_FOUND);
}

#[tokio::test]
async fn a_job_id_that_is_none_is_a_fault_of_the_field() {
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
async fn a_store_that_does_not_answer_is_503() {
    let world = World::new().await.with(|api| {
        if let Some(status) = &mut api.status {
            status.jobs = Arc::new(Broken);
        }
    });
    let answer = world.status(&format!("?job_id={ID}")).await;
    answer.is(503, r#"{"error":"unavailable","message":"The service does not answer right now; try again later."}"#);
    assert_eq!(answer.header("retry-after"), "5");
    assert!(!answer.body.contains(INTERNALS));
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let world = World::new().await;
    let id = job_in(&world, queued(Mode::Background, DeliveryMode::Url)).await;
    let whole = world.status(&format!("?job_id={id}")).await;
    let uri = format!("/api/v1/status?job_id={id}");
    let head = get(&uri).method(Method::HEAD).header("x-api-key", KEY).body(Body::empty()).expect("a request");
    let answer = world.send(head).await;
    answer.is(200, "");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-length"), whole.body.len().to_string());
}
