//! Handling one delivery of a message.

use tokio::time::Instant;

use super::worker::Intake;
use crate::domain::ids::JobId;
use crate::domain::work_request::WorkRequest;
use crate::usecases::work::Disposition;

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
            WorkRequest::Unreadable { reason } => self.claimant().defer_unreadable(&reason),
        }
    }

    /// Claims the job, stores what it needs, and sends it on. If this is interrupted after the job has moved on, the
    /// message is delivered again and sends it on.
    #[tracing::instrument(name = "intake", skip_all, fields(job_id = %id, owner = tracing::field::Empty))]
    pub async fn handle_job(&self, id: JobId) -> Disposition {
        let claimant = self.claimant();
        let mut attempt = match claimant.begin(id).await {
            Ok(attempt) => attempt,
            Err(disposition) => return disposition,
        };
        let begun = Instant::now();
        let fetched = self.fetch(&mut attempt).await;
        if fetched.is_ok() {
            let (attempts, ms) = (attempt.job.intake_attempts, begun.elapsed().as_millis());
            tracing::info!(attempt = attempts, ms, "job fetched");
        }
        claimant.end(attempt, fetched).await
    }
}
