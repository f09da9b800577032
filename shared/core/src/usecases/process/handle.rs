//! Handling one delivery of a message.

use super::worker::Process;
use crate::domain::ids::JobId;
use crate::domain::job::Step;
use crate::domain::work_request::WorkRequest;
use crate::usecases::work::{Attempt, Disposition, Stop};

impl Process {
    /// Handles one delivery of a message to the end. `body` is the message as it was sent, `request` its content.
    pub async fn handle(&self, body: &str, request: WorkRequest) -> Disposition {
        match request {
            WorkRequest::Job(message) => self.handle_job(message.job_id).await,
            WorkRequest::Drops(_) => self.forward_drops(body).await,
            WorkRequest::Nothing => {
                tracing::info!("test message received");
                Disposition::Acknowledge
            }
            WorkRequest::Unreadable { reason } => self.claimant().defer_unreadable(&reason),
        }
    }

    /// Claims the job and makes its pictures, or has the reports delivered that an ended job owes.
    #[tracing::instrument(name = "job", skip_all, fields(job_id = %id, owner = tracing::field::Empty))]
    pub async fn handle_job(&self, id: JobId) -> Disposition {
        let claimant = self.claimant();
        let mut attempt = match claimant.begin(id).await {
            Ok(attempt) => attempt,
            Err(disposition) => return disposition,
        };
        let made = self.make(&mut attempt).await;
        claimant.end(attempt, made).await
    }

    /// From the claim to the finish. If something that the job needs is not stored, the job goes back to intake.
    async fn make(&self, attempt: &mut Attempt) -> Result<(), Stop> {
        let Some(inputs) = self.inputs(attempt).await? else {
            attempt.fetch_again().await?;
            tracing::info!("source, backdrop or mask not stored; job sent to intake");
            return Ok(());
        };
        if attempt.is_before(Step::Background) {
            attempt.advance(Step::Background).await?;
        }
        let output = self.run_pipeline(attempt, inputs).await?;
        attempt.advance(Step::Delivery).await?;
        let outcome = self.deliver(attempt, output).await?;
        attempt.finish(outcome).await
    }

    /// Sends an announcement of dropped files to intake. Releases without intake took them in here, so some may be found
    /// in this queue during an upgrade.
    async fn forward_drops(&self, body: &str) -> Disposition {
        match self.workshop.queue.send_again(body).await {
            Ok(()) => {
                tracing::info!("announcement of dropped files forwarded to intake");
                Disposition::Acknowledge
            }
            Err(error) => {
                tracing::error!(%error, "announcement of dropped files could not be forwarded to intake");
                Disposition::Defer(self.env.policy.defer)
            }
        }
    }
}
