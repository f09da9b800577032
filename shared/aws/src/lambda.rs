//! What Lambda's events and answers look like, and what the functions do with them. Nothing here needs
//! Lambda, so all of it is tested without.

use std::panic::AssertUnwindSafe;

use cutline_core::ports::{Deliveries, PortError, Receipt};
use cutline_core::usecases::Disposition;
use cutline_core::usecases::{Sweep, SweepReport};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Messages of an SQS queue, as Lambda hands them to a function. All else that SQS says of them is not read.
#[derive(Debug, Clone, Deserialize)]
pub struct SqsEvent {
    #[serde(rename = "Records")]
    records: Vec<SqsRecord>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsRecord {
    message_id: String,
    receipt_handle: String,
    body: String,
}

/// Which messages of a batch are not done with. Lambda deletes the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// What brings the sweep to run, told apart by its shape.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum SweepEvent {
    /// Messages of the dead-letter queue.
    DeadLetters(SqsEvent),
    /// The schedule.
    Schedule(ScheduledEvent),
}

/// The event of an EventBridge schedule. Nothing of it matters but that it is one.
#[derive(Debug, Clone, Deserialize)]
pub struct ScheduledEvent {
    #[serde(rename = "detail-type")]
    _detail_type: ScheduledDetail,
}

#[derive(Debug, Clone, Deserialize)]
enum ScheduledDetail {
    #[serde(rename = "Scheduled Event")]
    ScheduledEvent,
}

/// A sweep that did not do all it should have. The invocation fails, so that its alarm can tell.
#[derive(Debug, thiserror::Error)]
pub enum SweepFailed {
    /// What is due could not be found out.
    #[error("the sweep could not be made: {0}")]
    NotMade(#[from] PortError),
    /// Some jobs could not be dealt with; they stay due.
    #[error("{0} due jobs could not be dealt with")]
    JobsLeft(usize),
}

/// Hands each message's body to `handle`, one after another, and does as it says: what is acknowledged is
/// left for Lambda to delete, and what is deferred has its visibility changed and is reported. If the
/// visibility cannot be changed, the message comes again when its queue's own time is over.
///
/// No message is in another's way: one that panics counts as one that is deferred by its queue's own time.
pub async fn handle_batch(
    event: SqsEvent,
    deliveries: &dyn Deliveries,
    handle: impl AsyncFn(&str) -> Disposition,
) -> BatchResponse {
    let mut response = BatchResponse::default();
    for SqsRecord { message_id, receipt_handle, body } in event.records {
        match AssertUnwindSafe(handle(&body)).catch_unwind().await {
            Ok(Disposition::Acknowledge) => continue,
            Ok(Disposition::Defer(after)) => {
                if let Err(error) = deliveries.defer(&Receipt(receipt_handle), after).await {
                    tracing::warn!(message_id, %error, "a message's visibility could not be changed");
                }
            }
            Err(_) => tracing::error!(message_id, "the handling of a message panicked"),
        }
        response.batch_item_failures.push(ItemFailure { item_identifier: message_id });
    }
    response
}

/// Runs the sweep for an event. The schedule's answer is one of no failures, and nobody reads it.
///
/// # Errors
/// [`SweepFailed`] if there was a fault with the schedule's sweep. A dead letter that could not be dealt
/// with is in the response.
pub async fn handle_sweep(
    event: SweepEvent,
    sweep: &Sweep,
    dead_letters: &dyn Deliveries,
) -> Result<BatchResponse, SweepFailed> {
    match event {
        SweepEvent::DeadLetters(event) => {
            Ok(handle_batch(event, dead_letters, async |body: &str| sweep.dead_letter(body).await).await)
        }
        SweepEvent::Schedule(_) => {
            let SweepReport { resent, backlogged, requeued, failed, reminded, errors } = sweep.run().await?;
            tracing::info!(resent, backlogged, requeued, failed, reminded, errors, "the sweep is done");
            if errors > 0 { Err(SweepFailed::JobsLeft(errors)) } else { Ok(BatchResponse::default()) }
        }
    }
}

/// Logs to standard output, a line of JSON for each event, as CloudWatch takes it in. `filter` is one that
/// [`config`](crate::config) has checked; of one that is not valid, only the valid parts count. Called again,
/// it changes nothing.
pub fn log_as_json(filter: &str) {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(EnvFilter::new(filter))
        .finish();
    // The one fault there is, is a logger that was set before: a test's, for example.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use cutline_core::contract::samples;
    use cutline_core::domain::message::Message;
    use cutline_core::ports::Jobs as _;
    use cutline_core::testing::{ManualClock, MemoryQueue, MemoryStore};
    use cutline_core::{Job, JobState, Policy};
    use serde_json::{Value, json};

    use super::*;

    const VISIBILITY: Duration = Duration::from_secs(720);

    struct World {
        clock: Arc<ManualClock>,
        queue: Arc<MemoryQueue>,
    }

    impl World {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new());
            let queue = Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, 20, None));
            Self { clock, queue }
        }

        /// Puts the bodies into the queue and receives them as Lambda does: the event has what it got.
        async fn event(&self, bodies: &[&str]) -> Value {
            for body in bodies {
                self.queue.put(body, Duration::ZERO);
            }
            self.receive().await
        }

        async fn receive(&self) -> Value {
            let got = self.queue.receive(10, Duration::ZERO).await.expect("receive");
            let records = got.iter().map(|delivery| {
                json!({
                    "messageId": format!("id of {}", delivery.body),
                    "receiptHandle": delivery.receipt.0,
                    "body": delivery.body,
                    "attributes": {"ApproximateReceiveCount": delivery.receive_count.to_string()},
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                })
            });
            json!({"Records": records.collect::<Vec<_>>()})
        }
    }

    fn parse<T: serde::de::DeserializeOwned>(event: Value) -> T {
        serde_json::from_value(event).expect("an event")
    }

    fn failures(response: &BatchResponse) -> Vec<&str> {
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
    }

    #[tokio::test]
    async fn a_message_is_reported_if_and_only_if_it_is_deferred() {
        let world = World::new();
        let event = world.event(&["good", "later", "good too"]).await;
        let handle = async |body: &str| match body {
            "later" => Disposition::Defer(Duration::from_secs(40)),
            _ => Disposition::Acknowledge,
        };
        let response = handle_batch(parse(event), world.queue.as_ref(), handle).await;
        assert_eq!(failures(&response), ["id of later"]);
        let expected = json!({"batchItemFailures": [{"itemIdentifier": "id of later"}]});
        assert_eq!(serde_json::to_value(&response).expect("serialises"), expected);

        world.clock.advance(Duration::from_secs(39));
        assert_eq!(world.receive().await, json!({"Records": []}), "not yet");
        world.clock.advance(Duration::from_secs(1));
        let event: SqsEvent = parse(world.receive().await);
        assert_eq!(event.records.len(), 1, "as soon as it was deferred for");
        assert_eq!(event.records[0].body, "later");
    }

    #[tokio::test]
    async fn an_empty_report_is_what_lambda_takes_for_success() {
        let world = World::new();
        let event = world.event(&["good"]).await;
        let response = handle_batch(parse(event), world.queue.as_ref(), async |_: &str| Disposition::Acknowledge).await;
        assert_eq!(serde_json::to_value(&response).expect("serialises"), json!({"batchItemFailures": []}));
    }

    #[tokio::test]
    async fn a_message_that_panics_spoils_no_other() {
        let world = World::new();
        let event = world.event(&["first", "poison", "last"]).await;
        let handled = std::sync::Mutex::new(Vec::new());
        let handle = async |body: &str| {
            assert_ne!(body, "poison");
            handled.lock().expect("not poisoned").push(body.to_owned());
            Disposition::Acknowledge
        };
        let response = handle_batch(parse(event), world.queue.as_ref(), handle).await;
        assert_eq!(failures(&response), ["id of poison"]);
        assert_eq!(*handled.lock().expect("not poisoned"), ["first", "last"]);
    }

    #[tokio::test]
    async fn a_deferral_that_fails_is_reported_all_the_same() {
        struct Down;

        #[async_trait::async_trait]
        impl Deliveries for Down {
            async fn receive(&self, _: usize, _: Duration) -> Result<Vec<cutline_core::ports::Delivery>, PortError> {
                Err(PortError::retry("down"))
            }
            async fn delete(&self, _: &Receipt) -> Result<(), PortError> {
                Err(PortError::retry("down"))
            }
            async fn defer(&self, _: &Receipt, _: Duration) -> Result<(), PortError> {
                Err(PortError::retry("down"))
            }
        }

        let event = World::new().event(&["later", "good"]).await;
        let handle = async |body: &str| match body {
            "later" => Disposition::Defer(Duration::from_secs(1)),
            _ => Disposition::Acknowledge,
        };
        let response = handle_batch(parse(event), &Down, handle).await;
        assert_eq!(failures(&response), ["id of later"]);
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        for event in [json!({}), json!({"Records": [{"s3": {}}]}), json!({"Records": null})] {
            assert!(serde_json::from_value::<SqsEvent>(event.clone()).is_err(), "{event}");
            assert!(serde_json::from_value::<SweepEvent>(event.clone()).is_err(), "{event}");
        }
        let other = json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification"});
        assert!(serde_json::from_value::<SweepEvent>(other).is_err());
    }

    /// A sweep over a store with one job that has been queued for ten minutes and whose message is lost.
    async fn sweep_of_a_lost_job(world: &World) -> (Sweep, Arc<MemoryStore>, Job) {
        let store = Arc::new(MemoryStore::new());
        let mut job = samples::job(&samples::owner(), false);
        let now = cutline_core::Clock::now(world.clock.as_ref());
        job = Job::new(job.id, job.owner, job.spec, false, now, &Policy::default());
        store.create(&job).await.expect("create");
        world.clock.advance(Duration::from_secs(600));
        let sweep = Sweep {
            jobs: store.clone(),
            queue: world.queue.clone(),
            quarantine: Arc::new(MemoryQueue::new(world.clock.clone(), VISIBILITY, 20, None)),
            clock: world.clock.clone(),
            policy: Policy::default(),
        };
        (sweep, store, job)
    }

    #[tokio::test]
    async fn the_schedule_sweeps() {
        let world = World::new();
        let (sweep, _, job) = sweep_of_a_lost_job(&world).await;
        let event = json!({
            "version": "0", "id": "89d1a02d-5ec7-412e-82f5-13505f849b41", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "123456789012", "time": "2026-01-01T00:00:00Z",
            "region": "eu-central-1", "resources": ["arn:aws:events:eu-central-1:123456789012:rule/sweep"],
            "detail": {},
        });
        let response = handle_sweep(parse(event), &sweep, world.queue.as_ref()).await.expect("sweeps");
        assert_eq!(response, BatchResponse::default());
        assert_eq!(world.queue.bodies(), [Message { job_id: job.id }.body()], "its message was sent again");
    }

    #[tokio::test]
    async fn a_dead_letter_is_brought_to_an_end_or_back() {
        let dead_letters = World::new();
        let (sweep, store, job) = sweep_of_a_lost_job(&dead_letters).await;
        let queue = Arc::new(MemoryQueue::new(dead_letters.clock.clone(), VISIBILITY, 20, None));
        let sweep = Sweep { queue: queue.clone(), ..sweep };
        let event = dead_letters.event(&[&Message { job_id: job.id }.body(), "no message"]).await;
        let response = handle_sweep(parse(event), &sweep, dead_letters.queue.as_ref()).await.expect("sweeps");
        assert_eq!(response, BatchResponse::default(), "both are done with");
        assert_eq!(queue.bodies(), [Message { job_id: job.id }.body()], "the job is queued again");
        let job = store.get(job.id).await.expect("get").expect("a job");
        assert!(matches!(job.state, JobState::Queued { .. }), "{:?}", job.state);
    }
}
