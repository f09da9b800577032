//! The sweep function's events.

use cutline_core::ports::{Deliveries, PortError};
use cutline_core::usecases::{ReportSender, Sweep, SweepReport};
use serde::Deserialize;

use super::batch::{BatchResponse, SqsEvent, handle_batch};
use super::reports::handle_reports;

/// An event of the sweep function. The variants differ in shape.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum SweepEvent {
    /// Messages of the reports queue or the dead-letter queue. Their source tells which.
    Messages(SqsEvent),
    /// The schedule.
    Schedule(ScheduledEvent),
}

/// An event of an EventBridge schedule. Its fields do not matter.
#[derive(Debug, Clone, Deserialize)]
pub struct ScheduledEvent {
    #[serde(rename = "detail-type")]
    _detail_type: DetailType,
}

#[derive(Debug, Clone, Deserialize)]
enum DetailType {
    #[serde(rename = "Scheduled Event")]
    ScheduledEvent,
}

/// An incomplete sweep. It fails the invocation, which raises an alarm.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The due jobs could not be listed.
    #[error("the sweep failed: {0}")]
    List(#[from] PortError),
    /// Some due jobs failed; they stay due.
    #[error("the sweep failed for {0} due jobs; the next one tries again")]
    Jobs(usize),
}

/// The queues whose messages the sweep function receives.
#[derive(Clone, Copy)]
pub struct SweepQueues<'a> {
    /// The URL of the reports queue, by which its messages are recognized.
    pub reports_url: &'a str,
    /// The reports queue.
    pub reports: &'a dyn Deliveries,
    /// The dead-letter queue.
    pub dead_letters: &'a dyn Deliveries,
}

/// Runs the sweep for an event, or delivers reports. The response to the schedule is empty, and EventBridge ignores it.
///
/// # Errors
/// [`SweepError`] if the scheduled sweep was incomplete. A message that failed is in the response instead.
pub async fn handle_sweep(
    event: SweepEvent,
    sweep: &Sweep,
    sender: &ReportSender,
    queues: SweepQueues<'_>,
) -> Result<BatchResponse, SweepError> {
    match event {
        SweepEvent::Messages(event) if event.is_from(queues.reports_url) => {
            Ok(handle_reports(event, queues.reports, async |body: &str| sender.handle(body).await).await)
        }
        SweepEvent::Messages(event) => {
            let handle = async |body: &str, request| sweep.dead_letter(body, request).await;
            Ok(handle_batch(event, queues.dead_letters, handle).await)
        }
        SweepEvent::Schedule(_) => {
            // The runtime does not log why an invocation failed.
            let swept = sweep.run().await.inspect_err(|error| tracing::error!(%error, "sweep cannot list due jobs"));
            let SweepReport { resent, backlogged, requeued, failed, reminded, given_up, deleted, errors } = swept?;
            tracing::info!(resent, backlogged, requeued, failed, reminded, given_up, deleted, errors, "sweep finished");
            if errors > 0 { Err(SweepError::Jobs(errors)) } else { Ok(BatchResponse::default()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use cutline_core::contract::samples;
    use cutline_core::domain::job::{ReportId, WebhookResult, WebhookVerdict};
    use cutline_core::domain::message::Message;
    use cutline_core::domain::report_message::ReportMessage;
    use cutline_core::ports::{Deliveries as _, Jobs as _};
    use cutline_core::ports::{OutgoingWebhook, ReportQueue as _, WebhookClient};
    use cutline_core::testing::{MemoryBlobs, MemoryLinks, MemoryQueue, MemoryStore, MemoryUploads};
    use cutline_core::usecases::{Env, Receivers, UploadStores};
    use cutline_core::{Job, JobState, Policy};
    use serde_json::json;

    use super::*;
    use crate::lambda::testing::{VISIBILITY, World, parse};

    /// A sweep over a store with one job that has been queued for ten minutes and whose message is lost.
    async fn sweep_of_a_lost_job(world: &World) -> (Sweep, Arc<MemoryStore>, Job) {
        let store = Arc::new(MemoryStore::new());
        let mut job = samples::job(&samples::owner(), false);
        let now = cutline_core::Clock::now(world.clock.as_ref());
        job = Job::new(job.id, job.owner, job.spec, now, &Policy::default());
        store.create(&job).await.expect("create");
        world.clock.advance(Duration::from_secs(600));
        let blobs = Arc::new(MemoryBlobs::new());
        let uploads = Arc::new(MemoryUploads::new(world.clock.clone(), blobs.clone()));
        let sweep = Sweep {
            jobs: store.clone(),
            uploads: UploadStores { records: uploads.clone(), objects: uploads },
            files: blobs,
            queue: world.queue.clone(),
            reports: Arc::new(MemoryQueue::new(world.clock.clone(), VISIBILITY, 20, None)),
            quarantine: Arc::new(MemoryQueue::new(world.clock.clone(), VISIBILITY, 20, None)),
            env: Env { clock: world.clock.clone(), ..Env::system(Policy::default()) },
        };
        (sweep, store, job)
    }

    /// A receiver that refuses everything.
    struct Refusing;

    #[async_trait::async_trait]
    impl WebhookClient for Refusing {
        async fn send(&self, _: OutgoingWebhook) -> WebhookResult {
            WebhookResult { status: Some(410), verdict: WebhookVerdict::Gone }
        }
    }

    const REPORTS_URL: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/stack-ReportsQueue-1";

    fn sender_of(world: &World, store: &Arc<MemoryStore>) -> ReportSender {
        ReportSender {
            jobs: store.clone(),
            webhooks: store.clone(),
            links: Arc::new(MemoryLinks::new(world.clock.clone())),
            client: Arc::new(Refusing),
            reports: world.queue.clone(),
            drops: None,
            receivers: Receivers::in_batches(2),
            env: Env { clock: world.clock.clone(), ..Env::system(Policy::default()) },
        }
    }

    async fn handled(event: SweepEvent, sweep: &Sweep, world: &World, store: &Arc<MemoryStore>) -> BatchResponse {
        let queues =
            SweepQueues { reports_url: REPORTS_URL, reports: world.queue.as_ref(), dead_letters: world.queue.as_ref() };
        handle_sweep(event, sweep, &sender_of(world, store), queues).await.expect("sweeps")
    }

    #[tokio::test]
    async fn messages_of_the_reports_queue_go_to_the_sender_and_no_others() {
        let world = World::new();
        let (sweep, store, lost) = sweep_of_a_lost_job(&world).await;
        let now = cutline_core::Clock::now(world.clock.as_ref());
        let job = samples::webhook_job(&samples::owner(), false);
        let job = Job { created_at: now, ..job };
        store.create(&job).await.expect("create");
        let fault = cutline_core::Fault::fail(cutline_core::FailureCode::NoSubject, "");
        let ended = job.expire(fault.failure().clone(), now, &Policy::default()).expect("ends");
        store.replace(&ended).await.expect("replace");
        let secret = cutline_core::domain::webhook_secret::WebhookSecret::generate().expect("random");
        let secrets = cutline_core::domain::webhook_secret::WebhookSecrets::default().rotated(secret, now);
        let webhooks: &dyn cutline_core::ports::OwnerWebhooks = store.as_ref();
        webhooks.put_webhook_secrets(&ended.job.owner, &secrets).await.expect("put");
        let id = ended.job.id;
        let message = ReportMessage { job_id: id, report_id: ReportId::webhook(id) };
        for (queue, is_report) in [("stack-DeadLetterQueue-1", false), ("stack-ReportsQueue-1", true)] {
            world.queue.send_report(&message, Duration::ZERO).await.expect("send");
            let mut event = world.receive().await;
            event["Records"][0]["eventSourceARN"] = json!(format!("arn:aws:sqs:eu-central-1:123456789012:{queue}"));
            let response = handled(parse(event), &sweep, &world, &store).await;
            assert_eq!(response, BatchResponse::default(), "{queue}");
            let webhook = store.get(id).await.expect("get").expect("a job").webhook().expect("a webhook").1.clone();
            assert_eq!(webhook.last.is_some_and(|last| last.status == Some(410)), is_report, "{queue}");
            world.clock.advance(VISIBILITY);
            world.queue.receive(10, Duration::ZERO).await.expect("receive");
        }
        assert_ne!(lost.id, id);
    }

    #[tokio::test]
    async fn the_schedule_runs_the_sweep() {
        let world = World::new();
        let (sweep, store, job) = sweep_of_a_lost_job(&world).await;
        let event = json!({
            "version": "0", "id": "89d1a02d-5ec7-412e-82f5-13505f849b41", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "123456789012", "time": "2026-01-01T00:00:00Z",
            "region": "eu-central-1", "resources": ["arn:aws:events:eu-central-1:123456789012:rule/sweep"],
            "detail": {},
        });
        let response = handled(parse(event), &sweep, &world, &store).await;
        assert_eq!(response, BatchResponse::default());
        assert_eq!(world.queue.bodies(), [Message { job_id: job.id }.body()], "the lost message was sent again");
    }

    #[tokio::test]
    async fn a_dead_letter_requeues_its_job() {
        let dead_letters = World::new();
        let (sweep, store, job) = sweep_of_a_lost_job(&dead_letters).await;
        let queue = Arc::new(MemoryQueue::new(dead_letters.clock.clone(), VISIBILITY, 20, None));
        let sweep = Sweep { queue: queue.clone(), ..sweep };
        let event = dead_letters.event(&[&Message { job_id: job.id }.body(), "not a message"]).await;
        let response = handled(parse(event), &sweep, &dead_letters, &store).await;
        assert_eq!(response, BatchResponse::default(), "both are acknowledged");
        assert_eq!(queue.bodies(), [Message { job_id: job.id }.body()], "the job is queued again");
        let job = store.get(job.id).await.expect("get").expect("a job");
        assert!(matches!(job.state, JobState::Queued { .. }), "{:?}", job.state);
    }

    #[test]
    fn rejects_other_events() {
        for event in [
            json!({}),
            json!({"Records": [{"s3": {}}]}),
            json!({"Records": null}),
            json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification"}),
        ] {
            assert!(serde_json::from_value::<SweepEvent>(event.clone()).is_err(), "{event}");
        }
    }
}
