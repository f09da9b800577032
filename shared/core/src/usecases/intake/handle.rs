//! Handling one delivery of a message.

use tokio::time::Instant;

use super::worker::Intake;
use crate::domain::ids::JobId;
use crate::domain::work_request::WorkRequest;
use crate::usecases::work::{Claim, Disposition};

impl Intake {
    /// Handles one delivery of a message to the end.
    pub async fn handle(&self, request: WorkRequest) -> Disposition {
        match request {
            WorkRequest::Job(message) => self.handle_job(message.job_id).await,
            WorkRequest::Drops(notice) => self.take_drops(&notice).await,
            WorkRequest::Nothing => {
                tracing::info!("test message received");
                Disposition::Acknowledge
            }
            WorkRequest::Unreadable { reason } => {
                // Deferred until the queue moves it to the dead letters, where the sweep quarantines it. Deleting it
                // here could lose a job.
                tracing::error!(reason, "unreadable message");
                Disposition::Defer(self.env.policy.defer)
            }
        }
    }

    /// Claims the job, stores what it needs, and sends it on. If this is interrupted after the job has moved on, the
    /// message is delivered again and sends it on.
    #[tracing::instrument(name = "intake", skip_all, fields(job_id = %id, owner = tracing::field::Empty))]
    pub async fn handle_job(&self, id: JobId) -> Disposition {
        let claimant = self.claimant();
        let mut attempt = match claimant.claim(id).await {
            Claim::Won(attempt) => *attempt,
            Claim::Ended(job) | Claim::Elsewhere(job) => return claimant.pass_on(&job).await,
            Claim::Settled(disposition) => return disposition,
        };
        let begun = Instant::now();
        match self.fetch(&mut attempt).await {
            Ok(()) => {
                let (attempts, ms) = (attempt.job.intake_attempts, begun.elapsed().as_millis());
                tracing::info!(attempt = attempts, ms, "job fetched");
                claimant.pass_on(&attempt.job).await
            }
            Err(stop) => match claimant.stop(attempt, stop).await {
                Ok(ended) => claimant.pass_on(&ended).await,
                Err(disposition) => disposition,
            },
        }
    }
}
