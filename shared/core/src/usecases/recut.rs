//! Cutting a photograph again with other settings: a held job as its next revision, a done one as a new job.

use std::sync::Arc;
use std::time::Duration;

use super::audit_log;
use super::env::Env;
use super::persist;
use super::rerun::RerunError;
use super::retry::{Repetition, Retry, RetryError};
use super::submit::AcceptedJob;
use crate::domain::audit::{Actor, AuditEvent};
use crate::domain::decision::DraftRevision;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Effect, Job, JobState, RecutRefused};
use crate::domain::keys::Owner;
use crate::domain::message::Message;
use crate::domain::subject::SubjectChanges;
use crate::ports::{Destination, Jobs, PortError, Queue, WriteError};

/// How often a recut that conflicts with another write is tried. A held job is written only by reviewers, and by the sender of
/// its webhook.
const TRIES: usize = 10;

/// The use case.
#[derive(Clone)]
pub struct Recut {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Where the job's message goes.
    pub queue: Arc<dyn Queue>,
    /// Makes the new job of an ended one.
    pub retry: Retry,
    /// Who cuts again, for the record and the audit log.
    pub actor: Actor,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// A request to cut a photograph again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecutRequest {
    /// The revision that the reviewer saw; `None` for a job that is done.
    pub revision: Option<DraftRevision>,
    /// What to change.
    pub changes: SubjectChanges,
}

/// The photograph is not cut again.
#[derive(Debug, thiserror::Error)]
pub enum RecutError {
    /// The job is held for review, and the request names no revision.
    #[error("the request names no revision of the held job")]
    RevisionMissing,
    /// The job cannot be cut again, or not with what the reviewer saw.
    #[error(transparent)]
    Refused(#[from] RecutRefused),
    /// The job has failed, so it has no cut to correct.
    #[error("the job has failed")]
    Failed,
    /// The job is not run again.
    #[error(transparent)]
    Rerun(#[from] RerunError),
}

impl From<PortError> for RecutError {
    fn from(error: PortError) -> Self {
        Self::Rerun(error.into())
    }
}

impl From<RetryError> for RecutError {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::InsufficientCredits => PortError::fail("a recut costs no credit").into(),
            RetryError::Rerun(error) => error.into(),
        }
    }
}

impl Recut {
    /// Cuts the job again, and returns the job that does so: the held one itself, or a new one. Once this returns, nothing can
    /// lose it. A request about a held job that the same reviewer sends again is answered like the first one; so is one about
    /// a done job under the same idempotency key. `settings` are the owner's, if they were already read for this request.
    ///
    /// # Errors
    /// [`RecutError`].
    pub async fn run(
        &self,
        owner: &OwnerId,
        settings: Option<Owner>,
        id: JobId,
        request: &RecutRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<AcceptedJob, RecutError> {
        let RecutRequest { revision, changes } = request;
        if let Some(revision) = revision {
            return self.recut_held(owner, id, *revision, changes).await;
        }
        let job = self.find(owner, id).await?;
        match job.state {
            JobState::Done { .. } => {
                let retry = Retry { actor: self.actor.clone(), ..self.retry.clone() };
                Ok(retry.repeat(owner, settings, id, key, Repetition::Recut(changes)).await?)
            }
            JobState::Review { .. } => Err(RecutError::RevisionMissing),
            JobState::Queued { .. } | JobState::Running { .. } if job.is_recutting() => {
                Err(RecutError::RevisionMissing)
            }
            JobState::Queued { .. } | JobState::Running { .. } => Err(RerunError::Pending.into()),
            JobState::Failed { .. } => Err(RecutError::Failed),
            JobState::Withdrawn { .. } => Err(RerunError::NotFound.into()),
        }
    }

    async fn find(&self, owner: &OwnerId, id: JobId) -> Result<Job, RerunError> {
        let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, self.env.clock.now()));
        job.ok_or(RerunError::NotFound)
    }

    /// Stores the transition with its audit entry, then sends the message. One that cannot be sent is left to the sweep.
    async fn recut_held(
        &self,
        owner: &OwnerId,
        id: JobId,
        revision: DraftRevision,
        changes: &SubjectChanges,
    ) -> Result<AcceptedJob, RecutError> {
        for _ in 0..TRIES {
            let job = self.find(owner, id).await?;
            let mode = job.spec.mode;
            if job.has_recut(revision, changes, &self.actor) {
                return Ok(AcceptedJob { id, mode, is_replay: true });
            }
            let (now, by) = (self.env.clock.now(), self.actor.clone());
            let mut recut = job.recut(revision, changes.clone(), by.clone(), now, &self.env.policy)?;
            let event = AuditEvent::job_recut(id, revision.get());
            recut.effects.push(Effect::Audit(Box::new(audit_log::entry(&self.env, owner, by, event))));
            match persist::replace(self.jobs.as_ref(), &recut).await {
                Ok(()) => {
                    let (job, message) = (recut.job, Message { job_id: id });
                    tracing::info!(job_id = %id, by = %self.actor, %revision, "recut accepted");
                    if let Err(error) = self.queue.send(&message, Destination::of(&job), Duration::ZERO).await {
                        tracing::warn!(job_id = %id, %error, "message of a recut could not be sent; left to the sweep");
                    }
                    return Ok(AcceptedJob { id, mode, is_replay: false });
                }
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(error.into()),
            }
        }
        Err(PortError::retry("the job keeps changing").into())
    }
}
