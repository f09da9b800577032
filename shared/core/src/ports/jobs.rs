//! The store of job records.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::{CreateError, PortError, WriteError};
use crate::domain::ids::JobId;
use crate::domain::job::{Job, Transition};

/// The records of jobs.
///
/// A record keeps attributes that this release does not know
/// ([`UnknownAttributes`](crate::domain::job::UnknownAttributes)): a store writes a job's whole serde form, and decodes
/// exactly what it wrote.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Stores a new job, durably. If `job.charged`, debits one credit of its owner in the same transaction.
    ///
    /// # Errors
    /// [`CreateError::InsufficientCredits`] if `job.charged` and the owner has no credits left or no counted credits;
    /// [`CreateError::Exists`] if the id is taken. Nothing was changed in either case.
    async fn create(&self, job: &Job) -> Result<(), CreateError>;

    /// Reads a job. Sees every acknowledged change. Does not hide expired records.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store; [`PortError::Fail`] if the record needs a newer release.
    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError>;

    /// Stores a transition, durably, if the stored version is `transition.job.version - 1`: the job's record, and in
    /// the same transaction its effects. [`Effect::Refund`](crate::domain::job::Effect::Refund) credits the owner,
    /// unless the owner's credits are no longer counted.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the stored version differs or the record is missing. Nothing was changed then.
    async fn replace(&self, transition: &Transition) -> Result<(), WriteError>;

    /// Up to `limit` jobs whose [`Job::due_at`] is at or before `now`, earliest first. The answer may be out of date:
    /// read a job before acting on it. A step does not change the lease of a job, and so does not change this index.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError>;
}
