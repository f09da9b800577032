//! Accepting a job: first its source is stored, then its record, then its message is sent.
//!
//! No transaction spans the two stores. The order makes every interruption harmless: a source without a record expires,
//! a record without a message is found by the sweep, and a message never precedes its record. If the message cannot be
//! sent, the record is withdrawn and the caller gets an error. A send that timed out may still have taken effect; its
//! message then finds a withdrawn job.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::env::Env;
use super::param_sets::ParamSetLibrary;
use super::persist;
use super::storage_cap::{Reservation, ReserveError, StorageCap, StorageFull};
use crate::domain::format::OutputFormat;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobParamSet, JobSpec, JobState, Source};
use crate::domain::message::Message;
use crate::domain::params::{ParamSet, SetName};
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode, SourceUrl};
use crate::domain::storage::StorageKey;
use crate::ports::{Blobs, CreateError, Jobs, Keys, PortError, Queue, WriteError};

/// A valid request for a job.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The owner of the future job.
    pub owner: OwnerId,
    /// Which pictures to make.
    pub mode: Mode,
    /// How the status lists the pictures.
    pub delivery: DeliveryMode,
    /// The requested file format.
    pub format: Option<OutputFormat>,
    /// How files are written.
    pub rendering: Rendering,
    /// The parameter set of mode params. Other modes ignore it.
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

impl SubmittedSource {
    /// The bytes to store before the job is created; `None` if they are fetched later.
    fn bytes(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Url(_) => None,
        }
    }
}

/// The parameter set of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmittedSet {
    /// By its name, which may be invalid.
    Named(String),
    /// The set itself.
    Inline(Box<ParamSet>),
}

/// The job was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The owner has no credit left.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// The source does not fit under the cap on the owner's stored bytes. Nothing was stored.
    #[error(transparent)]
    StorageFull(StorageFull),
    /// Neither the owner nor the presets have a parameter set of this name.
    #[error("unknown parameter set")]
    UnknownSet {
        /// The known names, the owner's own first.
        known: Vec<SetName>,
    },
    /// A store or the queue has a fault. The job is withdrawn. If that fails too, the job stays queued and is
    /// processed, although the caller never learns its id.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl From<ReserveError> for SubmitError {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Full(full) => Self::StorageFull(full),
            ReserveError::Port(error) => Self::Unavailable(error),
        }
    }
}

/// The use case.
#[derive(Clone)]
pub struct Submit {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Owners.
    pub keys: Arc<dyn Keys>,
    /// The owners' parameter sets.
    pub sets: ParamSetLibrary,
    /// Sources.
    pub blobs: Arc<dyn Blobs>,
    /// Where the job's message goes.
    pub queue: Arc<dyn Queue>,
    /// The cap on an owner's stored bytes, if there is one.
    pub storage_cap: Option<StorageCap>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// Whether a new job's record was stored.
enum Creation {
    Stored,
    /// The store did not answer, not even whether the record is there.
    Unknown(PortError),
}

impl Submit {
    /// Accepts a job. Once this returns the job, nothing can lose it.
    ///
    /// # Errors
    /// [`SubmitError`]. Then no job exists and no credit was spent, unless the job could not be withdrawn: see
    /// [`SubmitError::Unavailable`].
    pub async fn run(&self, submission: Submission) -> Result<Job, SubmitError> {
        let Submission { owner, mode, delivery, format, rendering, set, source } = submission;
        let set = self.resolve_set(&owner, mode, set).await?;
        let credits = self.keys.owner(&owner).await?.credits;
        // The debit decides. This check spares a source that no job would ever own.
        if credits == Some(0) {
            return Err(SubmitError::InsufficientCredits);
        }
        let source_bytes = source.bytes();
        let reservation = self.reserve(&owner, source_bytes).await?;
        let id = self.env.ids.job();
        let source = self.store_source(id, source).await?;
        let spec = JobSpec { mode, delivery, format, rendering, set, source };
        let job = Job::new(id, owner, spec, self.env.clock.now(), &self.env.policy).with_charge(credits.is_some());
        let job = source_bytes.into_iter().fold(job, Job::with_source_bytes);
        let created = self.create(&job).await;
        drop(reservation);
        if let Creation::Unknown(error) = created? {
            return self.withdraw(job, error).await;
        }
        match self.queue.send(&Message { job_id: id }, Duration::ZERO).await {
            Ok(()) => Ok(job),
            Err(error) => self.withdraw(job, error).await,
        }
    }

    /// The parameter set of the job.
    async fn resolve_set(
        &self,
        owner: &OwnerId,
        mode: Mode,
        set: Option<SubmittedSet>,
    ) -> Result<Option<JobParamSet>, SubmitError> {
        let found = match (mode, set) {
            (Mode::Background | Mode::Clipping, _) => return Ok(None),
            (Mode::Params, Some(SubmittedSet::Named(name))) => self.sets.find(owner, &name).await?,
            (Mode::Params, Some(SubmittedSet::Inline(set))) => {
                Some(JobParamSet { name: None, revision: None, set: *set })
            }
            (Mode::Params, None) => None,
        };
        match found {
            Some(set) => Ok(Some(set)),
            None => Err(SubmitError::UnknownSet { known: self.sets.names(owner).await? }),
        }
    }

    /// Reserves room for the source. A source that is fetched later is refused if the owner has no room left.
    async fn reserve(&self, owner: &OwnerId, bytes: Option<u64>) -> Result<Option<Reservation>, SubmitError> {
        match &self.storage_cap {
            Some(cap) => Ok(Some(cap.reserve(owner, bytes.unwrap_or(0)).await?)),
            None => Ok(None),
        }
    }

    async fn store_source(&self, job: JobId, source: SubmittedSource) -> Result<Source, PortError> {
        match source {
            SubmittedSource::Url(url) => Ok(Source::Url(url)),
            SubmittedSource::Bytes(bytes) => {
                self.blobs.put(&StorageKey::Source { job }, bytes).await?;
                Ok(Source::Stored)
            }
        }
    }

    /// Stores the record.
    async fn create(&self, job: &Job) -> Result<Creation, SubmitError> {
        match self.jobs.create(job).await {
            Ok(()) => Ok(Creation::Stored),
            Err(CreateError::InsufficientCredits) => Err(SubmitError::InsufficientCredits),
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
    async fn withdraw(&self, job: Job, error: PortError) -> Result<Job, SubmitError> {
        let id = job.id;
        let Ok(withdrawn) = job.withdraw(self.env.clock.now(), &self.env.policy) else {
            return Err(error.into());
        };
        match persist::replace(self.jobs.as_ref(), &withdrawn).await {
            Ok(()) => Err(error.into()),
            // A worker moved the job: its message was sent after all, and the job is accepted.
            Err(WriteError::Conflict) => match self.jobs.get(id).await? {
                Some(current) if !matches!(current.state, JobState::Withdrawn { .. }) => Ok(current),
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
