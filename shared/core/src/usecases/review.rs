//! Deciding about a job that is held for review.

use std::sync::Arc;

use super::announce::announce;
use super::env::Env;
use super::persist;
use crate::domain::audit::Actor;
use crate::domain::decision::DraftRevision;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{DecisionRefused, Job, ReviewDecision};
use crate::ports::{Jobs, PortError, ReportQueue, WriteError};

/// How often a decision that conflicts with another write is tried. A held job is written only by other decisions, and by
/// the sender of its webhook.
const TRIES: usize = 10;

/// The use case.
#[derive(Clone)]
pub struct Review {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Where messages about reports go.
    pub reports: Arc<dyn ReportQueue>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The owner has no such job.
    #[error("the owner has no such job")]
    NotFound,
    /// The job cannot be decided about, or not with what the reviewer saw.
    #[error(transparent)]
    Refused(#[from] DecisionRefused),
    /// A store has a fault. The decision may have been stored: repeat it.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl Review {
    /// Decides about the job as the reviewer `by` saw it, and returns it as it is then. A decision that is sent again by
    /// the same reviewer is answered like the first one.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn decide(
        &self,
        owner: &OwnerId,
        id: JobId,
        revision: DraftRevision,
        decision: ReviewDecision,
        by: Actor,
    ) -> Result<Job, ReviewError> {
        for _ in 0..TRIES {
            let now = self.env.clock.now();
            let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, now));
            let job = job.ok_or(ReviewError::NotFound)?;
            if job.has_decision(revision, &decision, &by) {
                return Ok(job);
            }
            let decided = job.decide(revision, decision.clone(), by.clone(), now, &self.env.policy)?;
            match persist::end_or_replace(&self.env, self.jobs.as_ref(), &decided).await {
                Ok(()) => {
                    let job = decided.job;
                    tracing::info!(job_id = %id, %by, state = job.state.name(), "job reviewed");
                    if let Err(error) = announce(self.reports.as_ref(), &job, job.owed_reports()).await {
                        tracing::warn!(job_id = %id, %error, "message about a report could not be sent; left to the sweep");
                    }
                    return Ok(job);
                }
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(error.into()),
            }
        }
        Err(PortError::retry("the job keeps changing").into())
    }
}
