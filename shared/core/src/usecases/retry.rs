//! Repeating an ended job as a new one.

use std::sync::Arc;

use super::accept::{AcceptError, Acceptor};
use super::env::Env;
use super::storage_cap::{ReserveError, StorageCap, StorageFull};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobState, Source};
use crate::domain::keys::Owner;
use crate::domain::storage::StorageKey;
use crate::ports::{Blobs, Jobs, Keys, PortError, Queue};

/// The use case. The new job has the old one's request and a copy of its source, and costs a credit like any other.
#[derive(Clone)]
pub struct Retry {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Owners.
    pub keys: Arc<dyn Keys>,
    /// Sources.
    pub blobs: Arc<dyn Blobs>,
    /// Where the job's message goes.
    pub queue: Arc<dyn Queue>,
    /// The cap on an owner's stored bytes, if there is one.
    pub storage_cap: Option<StorageCap>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// The job was not repeated.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// This owner has no such job.
    #[error("no such job")]
    NotFound,
    /// The job has not ended.
    #[error("the job has not ended")]
    Pending,
    /// The uploaded source is no longer stored.
    #[error("the source is no longer stored")]
    SourceExpired,
    /// The owner has no credit left.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// The source does not fit under the cap on the owner's stored bytes.
    #[error(transparent)]
    StorageFull(StorageFull),
    /// A store or the queue has a fault. As for [`SubmitError::Unavailable`](super::SubmitError::Unavailable).
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl From<AcceptError> for RetryError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::InsufficientCredits => Self::InsufficientCredits,
            AcceptError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<ReserveError> for RetryError {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Full(full) => Self::StorageFull(full),
            ReserveError::Port(error) => Self::Unavailable(error),
        }
    }
}

impl Retry {
    /// Accepts a job that repeats this one. Once this returns the job, nothing can lose it. `settings` are the owner's,
    /// if they were already read for this request.
    ///
    /// # Errors
    /// [`RetryError`].
    pub async fn run(&self, owner: &OwnerId, settings: Option<Owner>, id: JobId) -> Result<Job, RetryError> {
        let old = self.ended_job(owner, id).await?;
        let settings = match settings {
            Some(settings) => settings,
            None => self.keys.owner(owner).await?,
        };
        let credits = settings.credits;
        // The debit decides. This check spares a copy that no job would ever own.
        if credits == Some(0) {
            return Err(RetryError::InsufficientCredits);
        }
        let room = match &self.storage_cap {
            Some(cap) => Some(cap.reserve(owner, old.source_bytes.unwrap_or(0)).await?),
            None => None,
        };
        let (new, now) = (self.env.ids.job(), self.env.clock.now());
        let has_source = self.blobs.copy(&StorageKey::Source { job: id }, &StorageKey::Source { job: new }).await?;
        if !has_source && matches!(old.spec.source, Source::Stored) {
            return Err(RetryError::SourceExpired);
        }
        // Without a copy, a worker fetches it again.
        let has_backdrop = old.spec.set.as_ref().is_some_and(|used| used.set.backdrop().is_some());
        if has_backdrop {
            self.blobs.copy(&StorageKey::Backdrop { job: id }, &StorageKey::Backdrop { job: new }).await?;
        }
        let job = Job::new(new, owner.clone(), old.spec.clone(), now, &self.env.policy)
            .with_charge(credits.is_some())
            .as_retry_of(&old);
        let job = old.source_bytes.filter(|_| has_source).into_iter().fold(job, Job::with_source_bytes);
        let acceptor = Acceptor { jobs: &self.jobs, queue: &self.queue, env: &self.env };
        Ok(acceptor.accept(job, room).await?)
    }

    async fn ended_job(&self, owner: &OwnerId, id: JobId) -> Result<Job, RetryError> {
        let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, self.env.clock.now()));
        let job = job.ok_or(RetryError::NotFound)?;
        match &job.state {
            JobState::Done { .. } | JobState::Failed { .. } => Ok(job),
            JobState::Queued { .. } | JobState::Running { .. } => Err(RetryError::Pending),
            JobState::Withdrawn { .. } => Err(RetryError::NotFound),
        }
    }
}
