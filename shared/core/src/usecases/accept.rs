//! The last steps of accepting a job: its record is stored, then its message is sent.
//!
//! No transaction spans the two stores. The order makes every interruption harmless: a record without a message is found
//! by the sweep, and a message never precedes its record. What happens if the message cannot be sent depends on whether
//! the job has an identity:
//!
//! - Without one, the record is withdrawn and the caller gets an error. A send that timed out may still have taken effect;
//!   its message then finds a withdrawn job.
//! - With one, the job is accepted all the same, and the sweep sends the message. Somebody may have repeated the request
//!   meanwhile and been answered with this job.

use std::sync::Arc;
use std::time::Duration;

use super::env::Env;
use super::persist;
use super::storage_cap::Reservation;
use crate::domain::identity::{IdentifiedJob, Identity};
use crate::domain::job::{Job, JobState};
use crate::domain::message::Message;
use crate::ports::{CreateError, Destination, Identities, Jobs, PortError, Queue, WriteError};

/// The job was not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum AcceptError {
    #[error("the owner has no credit left")]
    InsufficientCredits,
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// What became of a job with an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentifiedOutcome {
    /// It was accepted.
    Accepted,
    /// Nothing was stored, because another request with this identity came first.
    Known(IdentifiedJob),
}

/// Stores jobs and sends their messages.
#[derive(Clone, Copy)]
pub(super) struct Acceptor<'a> {
    pub(super) jobs: &'a Arc<dyn Jobs>,
    pub(super) queue: &'a Arc<dyn Queue>,
    pub(super) env: &'a Env,
}

/// Whether a new job's record was stored.
enum Creation {
    Stored,
    /// The store did not answer, not even whether the record is there.
    Unknown(PortError),
}

impl Acceptor<'_> {
    /// Accepts a job without an identity. Once this returns the job, nothing can lose it. The room for its source is
    /// reserved until the record counts.
    pub(super) async fn accept(&self, job: Job, room: Option<Reservation>) -> Result<Job, AcceptError> {
        let created = self.create(&job).await;
        drop(room);
        if let Creation::Unknown(error) = created? {
            return self.withdraw(job, error).await;
        }
        match self.send(&job).await {
            Ok(()) => {
                log_accepted(&job);
                Ok(job)
            }
            Err(error) => self.withdraw(job, error).await,
        }
    }

    async fn send(&self, job: &Job) -> Result<(), PortError> {
        self.queue.send(&Message { job_id: job.id }, Destination::of(job), Duration::ZERO).await
    }

    /// Accepts a job with an identity, unless another request with this identity came first. After an error the job may
    /// exist; a caller who repeats the request is answered with it.
    pub(super) async fn accept_identified(
        &self,
        identities: &dyn Identities,
        job: &Job,
        identity: &Identity,
        room: Option<Reservation>,
    ) -> Result<IdentifiedOutcome, AcceptError> {
        let created = self.create_identified(identities, job, identity).await;
        drop(room);
        let created = created?;
        if created == IdentifiedOutcome::Accepted {
            log_accepted(job);
            if let Err(error) = self.send(job).await {
                tracing::warn!(job_id = %job.id, %error, "message of an accepted job could not be sent; left to the sweep");
            }
        }
        Ok(created)
    }

    async fn create_identified(
        &self,
        identities: &dyn Identities,
        job: &Job,
        identity: &Identity,
    ) -> Result<IdentifiedOutcome, AcceptError> {
        let error = match identities.create_job(job, identity).await {
            Ok(()) => return Ok(IdentifiedOutcome::Accepted),
            Err(CreateError::InsufficientCredits) => return Err(AcceptError::InsufficientCredits),
            Err(CreateError::Port(error @ PortError::Fail(_))) => return Err(error.into()),
            Err(CreateError::Port(error @ PortError::Retry(_))) => error,
            Err(CreateError::Exists) => PortError::retry("the job id is taken"),
        };
        // Another request won, or this very write took effect although its answer was lost.
        match identities.find(&identity.key, job.created_at).await? {
            Some(known) if known.job == job.id => Ok(IdentifiedOutcome::Accepted),
            Some(known) => Ok(IdentifiedOutcome::Known(known)),
            None => Err(error.into()),
        }
    }

    /// Stores the record.
    async fn create(&self, job: &Job) -> Result<Creation, AcceptError> {
        match self.jobs.create(job).await {
            Ok(()) => Ok(Creation::Stored),
            Err(CreateError::InsufficientCredits) => Err(AcceptError::InsufficientCredits),
            // Ids never repeat, so a write that took effect was sent again. If not, the job is another caller's.
            Err(CreateError::Exists) if self.jobs.get(job.id).await?.as_ref() == Some(job) => Ok(Creation::Stored),
            Err(CreateError::Exists) => Err(PortError::retry("the job id is taken").into()),
            // The record may have been stored. Left alone, the job would be processed and paid for although its caller
            // got an error.
            Err(CreateError::Port(error @ PortError::Retry(_))) => match self.jobs.get(job.id).await {
                Ok(Some(stored)) if stored == *job => Ok(Creation::Stored),
                Ok(_) => Err(error.into()),
                Err(_) => Ok(Creation::Unknown(error)),
            },
            Err(CreateError::Port(error)) => Err(error.into()),
        }
    }

    /// Takes back a job whose record or message may not have been stored.
    async fn withdraw(&self, job: Job, error: PortError) -> Result<Job, AcceptError> {
        let id = job.id;
        let Ok(withdrawn) = job.withdraw(self.env.clock.now(), &self.env.policy) else {
            return Err(error.into());
        };
        match persist::replace(self.jobs.as_ref(), &withdrawn).await {
            Ok(()) => Err(error.into()),
            // A worker moved the job: its message was sent after all, and the job is accepted.
            Err(WriteError::Conflict) => match self.jobs.get(id).await? {
                Some(current) if !matches!(current.state, JobState::Withdrawn { .. }) => {
                    log_accepted(&current);
                    Ok(current)
                }
                Some(_) | None => Err(error.into()),
            },
            // The record stays queued, and the sweep sends its message. The caller never learns its id.
            Err(WriteError::Port(second)) => {
                tracing::warn!(job_id = %id, error = %second, "job without a message could not be withdrawn");
                Err(error.into())
            }
        }
    }
}

/// The first event that names the job. In the log of an upload, it stands next to the id of the request.
fn log_accepted(job: &Job) {
    let (mode, lane) = (job.spec.mode.as_str(), job.lane.as_str());
    let stage = job.route().stage.as_str();
    tracing::info!(job_id = %job.id, owner = %job.owner, mode, lane, stage, "job accepted");
}
