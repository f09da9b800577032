//! Taking a job in: first its source, then its record, then its message.
//!
//! There is no transaction across the two stores. The order makes every interruption harmless: a source
//! without a record expires, a record without a message is found by the sweep, and a message never comes
//! before its record. If the message cannot be sent, the record is withdrawn and the caller is told to
//! come again; a send that timed out may still have gone through, and then finds a withdrawn job.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::param_sets::ParamSetLibrary;
use super::persist;
use crate::domain::ids::OwnerId;
use crate::domain::job::{Job, JobParamSet, JobSpec, JobState, Source};
use crate::domain::message::Message;
use crate::domain::params::{ParamSet, SetName};
use crate::domain::policy::Policy;
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode, OutputFormat, SourceUrl};
use crate::domain::storage::StorageKey;
use crate::ports::{Blobs, CreateError, Jobs, Keys, PortError, Queue, WriteError};
use crate::ports::{Clock, Ids};

/// A valid request for a job.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Whose job it will be.
    pub owner: OwnerId,
    /// What is made.
    pub mode: Mode,
    /// How the status names what was made.
    pub delivery: DeliveryMode,
    /// The file format that is asked for.
    pub format: Option<OutputFormat>,
    /// How they are written.
    pub rendering: Rendering,
    /// The parameter set of mode params. No other mode looks at it.
    pub set: Option<SubmittedSet>,
    /// The photograph.
    pub source: SubmittedSource,
}

/// The photograph of a request.
#[derive(Debug, Clone)]
pub enum SubmittedSource {
    /// Its bytes.
    Bytes(Bytes),
    /// Where to fetch it.
    Url(SourceUrl),
}

/// The parameter set of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmittedSet {
    /// By its name, which may be none that a set can have.
    Named(String),
    /// The set itself.
    Inline(Box<ParamSet>),
}

/// Why no job was taken in.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The owner has no credit left.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// The owner has no parameter set of this name, and none is built in.
    #[error("there is no parameter set of this name")]
    UnknownSet {
        /// Every name that there is, the owner's own first.
        known: Vec<SetName>,
    },
    /// A store or the queue has a fault. No job is left behind that would be worked on for nothing, as
    /// far as that could be seen to.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// The use case.
#[derive(Clone)]
pub struct Submit {
    /// Where the record goes.
    pub jobs: Arc<dyn Jobs>,
    /// Where the owner's settings are.
    pub keys: Arc<dyn Keys>,
    /// Where the owner's parameter sets are.
    pub sets: ParamSetLibrary,
    /// Where the source goes.
    pub blobs: Arc<dyn Blobs>,
    /// Where the message goes.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// The job's rules.
    pub policy: Policy,
}

impl Submit {
    /// Takes a job in. When this returns the job, nothing can lose it any more.
    ///
    /// # Errors
    /// [`SubmitError`]; then there is no job, and no credit was spent.
    pub async fn run(&self, submission: Submission) -> Result<Job, SubmitError> {
        let Submission { owner, mode, delivery, format, rendering, set, source } = submission;
        let set = match (mode, set) {
            (Mode::Params, Some(SubmittedSet::Named(name))) => Some(self.named(&owner, &name).await?),
            (Mode::Params, Some(SubmittedSet::Inline(set))) => {
                Some(JobParamSet { name: None, revision: None, set: *set })
            }
            (Mode::Params, None) => return Err(SubmitError::UnknownSet { known: self.sets.names(&owner).await? }),
            (Mode::Background | Mode::Clipping, _) => None,
        };
        let charged = self.keys.owner(&owner).await?.credits.is_some();
        let id = self.ids.job();
        let source = match source {
            SubmittedSource::Url(url) => Source::Url(url),
            SubmittedSource::Bytes(bytes) => {
                self.blobs.put(&StorageKey::Source { job: id }, bytes).await?;
                Source::Stored
            }
        };
        let spec = JobSpec { mode, delivery, format, rendering, set, source };
        let job = Job::new(id, owner, spec, charged, self.clock.now(), &self.policy);
        match self.jobs.create(&job).await {
            Ok(()) => {}
            Err(CreateError::InsufficientCredits) => return Err(SubmitError::InsufficientCredits),
            Err(CreateError::Exists) => {
                // Ids do not repeat, so this is the answer to a retry of a write that had gone through.
                // If it is not, the job is another's, and the caller must not be given it.
                if self.jobs.get(id).await?.as_ref() != Some(&job) {
                    return Err(PortError::retry("the job's id was taken").into());
                }
            }
            Err(CreateError::Port(error @ PortError::Retry(_))) => {
                // It may have been made all the same. Left alone, it would be worked on and paid for though
                // its caller was told that there is no job.
                match self.jobs.get(id).await {
                    Ok(Some(made)) if made == job => {}
                    Ok(_) => return Err(error.into()),
                    Err(_) => return self.withdraw(job, error).await,
                }
            }
            Err(CreateError::Port(error)) => return Err(error.into()),
        }
        match self.queue.send(&Message { job_id: id }, Duration::ZERO).await {
            Ok(()) => Ok(job),
            Err(error) => self.withdraw(job, error).await,
        }
    }

    async fn named(&self, owner: &OwnerId, name: &str) -> Result<JobParamSet, SubmitError> {
        match self.sets.find(owner, name).await? {
            Some(used) => Ok(used),
            None => Err(SubmitError::UnknownSet { known: self.sets.names(owner).await? }),
        }
    }

    /// The message could not be sent, or the record not be made, or so it seems.
    async fn withdraw(&self, job: Job, error: PortError) -> Result<Job, SubmitError> {
        let Ok(withdrawn) = job.clone().withdraw(self.clock.now(), &self.policy) else {
            return Err(error.into());
        };
        match persist::replace(self.jobs.as_ref(), &withdrawn).await {
            Ok(()) => Err(error.into()),
            // Somebody has moved the job: the message did go through, and the job is as good as any.
            Err(WriteError::Conflict) => match self.jobs.get(job.id).await? {
                Some(current) if !matches!(current.state, JobState::Withdrawn { .. }) => Ok(current),
                Some(_) | None => Err(error.into()),
            },
            // The record stays queued. The sweep will send its message; the caller was not given its id.
            Err(WriteError::Port(second)) => {
                tracing::warn!(job = %job.id, error = %second, "a job whose message was not sent could not be withdrawn");
                Err(error.into())
            }
        }
    }
}
