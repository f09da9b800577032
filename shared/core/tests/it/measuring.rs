//! What the use cases measure and log: each job ends once, with everything that its end is explained by.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::job::{JobStage, Route, Step};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::metrics::{Measurement, Metric, SendOutcome};
use cutline_core::domain::usage::JobEnd;
use cutline_core::usecases::{Submission, SubmittedSource};
use cutline_core::{FailureCode, JobState, Policy};
use cutline_logs::JsonLines;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::receivers;
use crate::world::{FaultInjector, InjectedFault, World};

const SECOND: Duration = Duration::from_secs(1);

fn done() -> Measurement {
    Measurement::JobFinished { end: JobEnd::Done, code: None }
}

fn failed(code: FailureCode) -> Measurement {
    Measurement::JobFinished { end: JobEnd::Failed, code: Some(code) }
}

#[tokio::test]
async fn a_done_job_is_measured_once_with_its_wait_steps_picture_and_confidence() {
    let world = World::new(None).await;
    let job = world.submitted_clipping(b"photo").await;
    world.clock.advance(SECOND * 7);
    world.work(&FaultInjector::none()).await;
    // A message that is delivered again measures nothing.
    world.process(&FaultInjector::none()).handle_job(job.id).await;

    assert_eq!(world.metrics.of(Metric::JobsFinished), [done()]);
    let route = Route { lane: Lane::Live, stage: JobStage::Make };
    assert_eq!(world.metrics.of(Metric::QueueTime), [Measurement::QueueTime { route, time: SECOND * 7 }]);
    assert_eq!(world.job(job.id).await.queue_ms, 7_000);
    let steps: Vec<_> = world.metrics.of(Metric::StepTime);
    let steps: Vec<_> = steps
        .iter()
        .map(|one| match one {
            Measurement::StepTime { step, .. } => *step,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(steps, [Step::Fetch, Step::Background, Step::Clipping, Step::Delivery]);
    assert_eq!(world.metrics.of(Metric::PictureSize), [Measurement::PictureSize { pixels: 1 }]);
    assert_eq!(world.metrics.of(Metric::Confidence).len(), 1);
}

#[tokio::test]
async fn waits_of_both_stages_add_up() {
    let world = World::new(None).await;
    let job = world.submitted_url().await;
    world.clock.advance(SECOND * 3);
    world.fetch(&FaultInjector::none()).await;
    world.clock.advance(SECOND * 5);
    world.work(&FaultInjector::none()).await;
    let wait =
        |stage, seconds| Measurement::QueueTime { route: Route { lane: Lane::Live, stage }, time: SECOND * seconds };
    assert_eq!(world.metrics.of(Metric::QueueTime), [wait(JobStage::Intake, 3), wait(JobStage::Make, 5)]);
    assert_eq!(world.job(job.id).await.queue_ms, 8_000);
}

#[tokio::test]
async fn a_failed_job_has_its_code() {
    let world = World::new(None).await;
    world.submitted(b"fault").await;
    world.work(&FaultInjector::none()).await;
    assert_eq!(world.metrics.of(Metric::JobsFinished), [failed(FailureCode::NoSubject)]);
    assert!(world.metrics.of(Metric::PictureSize).is_empty(), "a failed job has no picture");
}

#[tokio::test]
async fn a_job_that_the_sweep_ends_is_measured_once() {
    let world = World::new(None).await;
    let job = world.submitted(b"photo").await;
    world.clock.advance(Policy::default().max_pending + SECOND);
    for _ in 0..3 {
        world.swept(&FaultInjector::none()).await;
    }
    assert_eq!(world.metrics.of(Metric::JobsFinished), [failed(FailureCode::TimedOut)]);
    let waited = Policy::default().max_pending + SECOND;
    assert_eq!(u128::from(world.job(job.id).await.queue_ms), waited.as_millis(), "it waited all the time");
    assert_eq!(world.metrics.of(Metric::Sweeps), [Measurement::Sweep { is_complete: true }; 3]);
}

#[tokio::test]
async fn a_cancelled_job_is_measured_once_and_a_deleted_result_never_again() {
    let world = World::new(None).await;
    let (pending, ended) = (world.submitted(b"one").await, world.submitted(b"two").await);
    let delete = world.delete(&FaultInjector::none());
    assert!(delete.run(&world.owner, pending.id).await.expect("deletes"));
    world.work(&FaultInjector::none()).await;
    assert!(delete.run(&world.owner, ended.id).await.expect("deletes"));
    let cancelled = Measurement::JobFinished { end: JobEnd::Cancelled, code: None };
    assert_eq!(world.metrics.of(Metric::JobsFinished), [cancelled, done()]);
}

#[tokio::test]
async fn an_incomplete_sweep_is_measured_as_such() {
    let world = World::new(None).await;
    world.submitted(b"photo").await;
    world.clock.advance(Duration::from_secs(600));
    // Calls: the due jobs, the job.
    world.swept(&FaultInjector::at_call(1, InjectedFault::FailsBefore)).await;
    assert_eq!(world.metrics.of(Metric::Sweeps), [Measurement::Sweep { is_complete: false }]);
}

#[tokio::test]
async fn sends_of_webhooks_are_measured_by_outcome() {
    let world = receivers::world().await;
    receivers::ended(&world, receivers::GOOD).await;
    assert_eq!(world.metrics.of(Metric::WebhookSends), [Measurement::WebhookSend(SendOutcome::Delivered)]);
    world.receivers.answer(receivers::DOWN, receivers::Answer::Fails);
    receivers::ended(&world, receivers::DOWN).await;
    assert_eq!(world.metrics.of(Metric::WebhookSends)[1..], [Measurement::WebhookSend(SendOutcome::Failed)]);
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn events(&self, message: &str) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        events.filter(|event| event["message"] == message).collect()
    }
}

#[tokio::test]
async fn every_job_has_one_event_at_its_begin_and_one_at_its_end() {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::registry().with(JsonLines::new(move || writer.clone()));
    let _guard = tracing::subscriber::set_default(subscriber);
    // Another test may be the first to log these events, on a thread without a subscriber, and tracing then remembers that
    // nobody wants them. So they are logged once, and their interest is computed again.
    let world = World::new(None).await;
    world.submitted(b"first").await;
    world.work(&FaultInjector::none()).await;
    tracing::callsite::rebuild_interest_cache();
    buffer.0.lock().expect("not poisoned").clear();

    let world = World::new(None).await;
    let good = world.submitted(b"photo").await;
    let url = "https://example.com/a.jpg".parse().expect("a URL");
    let bulk = Submission { lane: Lane::Bulk, ..world.submission(SubmittedSource::Url(url)) };
    let fetched = world.accepted(bulk).await;
    let bad = world.submission(SubmittedSource::Bytes(Bytes::from_static(b"fault")));
    let bad = world.accepted(bad).await;
    world.clock.advance(SECOND * 2);
    world.work(&FaultInjector::none()).await;
    assert!(matches!(world.job(fetched.id).await.state, JobState::Done { .. }));

    let ids = |events: &[Value]| {
        let mut ids: Vec<_> = events.iter().map(|event| event["job_id"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    };
    let mut expected = [good.id, fetched.id, bad.id].map(|id| id.to_string());
    expected.sort();
    let accepted = buffer.events("job accepted");
    assert_eq!(ids(&accepted), expected);
    let finished = buffer.events("job finished");
    assert_eq!(ids(&finished), expected, "exactly one each");
    for event in accepted.iter().chain(&finished) {
        assert_eq!(event["owner"], "shop", "{event}");
    }
    let event_of = |id: cutline_core::JobId| {
        finished.iter().find(|event| event["job_id"] == id.to_string()).expect("an event").clone()
    };
    let event = event_of(good.id);
    assert_eq!((&event["outcome"], &event["code"]), (&"done".into(), &Value::Null), "{event}");
    assert_eq!(
        (&event["confidence"], &event["width"], &event["height"]),
        (&0.25.into(), &1.into(), &1.into()),
        "{event}"
    );
    assert_eq!((&event["queue_ms"], &event["total_ms"]), (&2_000.into(), &2_000.into()), "{event}");
    assert_eq!((&event["lane"], &event["mode"], &event["attempts"]), (&"live".into(), &"background".into(), &1.into()));
    for step in ["fetch_ms", "background_ms", "delivery_ms"] {
        assert!(event[step].is_u64(), "{step}: {event}");
    }
    assert_eq!(event["source_bytes"], 5, "{event}");
    let event = event_of(bad.id);
    assert_eq!((&event["outcome"], &event["code"]), (&"failed".into(), &"no_subject".into()), "{event}");
    assert!(event.get("width").is_none() && event.get("confidence").is_none(), "{event}");
    assert_eq!(event_of(fetched.id)["lane"], "bulk");
}
