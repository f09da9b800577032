//! The sweep function's events.

use cutline_core::ports::{Deliveries, PortError};
use cutline_core::usecases::{Sweep, SweepReport};
use serde::Deserialize;

use super::batch::{BatchResponse, SqsEvent, handle_batch};

/// An event of the sweep function. The variants differ in shape.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum SweepEvent {
    /// Messages of the dead-letter queue.
    DeadLetters(SqsEvent),
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

/// Runs the sweep for an event. The response to the schedule is empty, and EventBridge ignores it.
///
/// # Errors
/// [`SweepError`] if the scheduled sweep was incomplete. A dead letter that failed is in the response instead.
pub async fn handle_sweep(
    event: SweepEvent,
    sweep: &Sweep,
    dead_letters: &dyn Deliveries,
) -> Result<BatchResponse, SweepError> {
    match event {
        SweepEvent::DeadLetters(event) => {
            Ok(handle_batch(event, dead_letters, async |body: &str, request| sweep.dead_letter(body, request).await)
                .await)
        }
        SweepEvent::Schedule(_) => {
            let SweepReport { resent, backlogged, requeued, failed, reminded, given_up, deleted, errors } =
                sweep.run().await?;
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
    use cutline_core::domain::message::Message;
    use cutline_core::ports::Jobs as _;
    use cutline_core::testing::{MemoryBlobs, MemoryQueue, MemoryStore};
    use cutline_core::usecases::Env;
    use cutline_core::{Job, JobState, Policy, SystemIds};
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
        let sweep = Sweep {
            jobs: store.clone(),
            files: Arc::new(MemoryBlobs::new()),
            queue: world.queue.clone(),
            quarantine: Arc::new(MemoryQueue::new(world.clock.clone(), VISIBILITY, 20, None)),
            env: Env { clock: world.clock.clone(), ids: Arc::new(SystemIds), policy: Policy::default() },
        };
        (sweep, store, job)
    }

    #[tokio::test]
    async fn the_schedule_runs_the_sweep() {
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
        assert_eq!(world.queue.bodies(), [Message { job_id: job.id }.body()], "the lost message was sent again");
    }

    #[tokio::test]
    async fn a_dead_letter_requeues_its_job() {
        let dead_letters = World::new();
        let (sweep, store, job) = sweep_of_a_lost_job(&dead_letters).await;
        let queue = Arc::new(MemoryQueue::new(dead_letters.clock.clone(), VISIBILITY, 20, None));
        let sweep = Sweep { queue: queue.clone(), ..sweep };
        let event = dead_letters.event(&[&Message { job_id: job.id }.body(), "not a message"]).await;
        let response = handle_sweep(parse(event), &sweep, dead_letters.queue.as_ref()).await.expect("sweeps");
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
