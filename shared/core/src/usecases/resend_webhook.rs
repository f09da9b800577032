//! Sending a job's webhook again.

use std::sync::Arc;
use std::time::Duration;

use super::env::Env;
use super::persist;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::Job;
use crate::domain::report_message::ReportMessage;
use crate::ports::{Jobs, PortError, ReportQueue, WriteError};

/// How often a write that conflicts with a sender's is tried.
const TRIES: usize = 10;

/// The use case. The webhook begins its schedule again, under the same id.
#[derive(Clone)]
pub struct ResendWebhook {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Where messages about reports go.
    pub reports: Arc<dyn ReportQueue>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// The webhook is not sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// This owner has no such job.
    #[error("no such job")]
    NotFound,
    /// The job has not ended.
    #[error("the job has not ended")]
    Pending,
    /// The job has no webhook.
    #[error("the job has no webhook")]
    NoWebhook,
    /// A store has a fault. The webhook may be sent again all the same.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl ResendWebhook {
    /// Sends the webhook of a job again that has ended or is held for review. Once this returns the job, nothing can lose the webhook.
    ///
    /// # Errors
    /// [`ResendError`].
    pub async fn run(&self, owner: &OwnerId, id: JobId) -> Result<Job, ResendError> {
        for _ in 0..TRIES {
            let now = self.env.clock.now();
            let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, now));
            let job = job.ok_or(ResendError::NotFound)?;
            if !job.has_ended() && !job.is_held() {
                return Err(ResendError::Pending);
            }
            let Ok(again) = job.resend_webhook(now) else { return Err(ResendError::NoWebhook) };
            match persist::replace(self.jobs.as_ref(), &again).await {
                Ok(()) => {
                    for report in again.owed() {
                        let message = ReportMessage { job_id: id, report_id: report.id.clone() };
                        if let Err(error) = self.reports.send_report(&message, Duration::ZERO).await {
                            tracing::warn!(job_id = %id, %error, "message about a webhook could not be sent; left to the sweep");
                        }
                    }
                    tracing::info!(job_id = %id, "webhook sent again on request");
                    return Ok(again.job);
                }
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(error.into()),
            }
        }
        Err(PortError::retry("the job keeps changing").into())
    }
}
