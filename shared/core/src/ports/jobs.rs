//! The store of job records.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{CreateError, PortError, WriteError};
use crate::domain::ids::JobId;
use crate::domain::job::Job;

/// The records of jobs.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Stores a new job, durably. If `job.charged`, one credit of its owner is debited in the same
    /// transaction.
    ///
    /// # Errors
    /// [`CreateError::InsufficientCredits`] if `job.charged` and the owner's credits are spent or not
    /// counted; [`CreateError::Exists`] if the id is taken. In both cases nothing was changed.
    async fn create(&self, job: &Job) -> Result<(), CreateError>;

    /// Reads a job. Sees every change that was acknowledged before. Does not hide expired records.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError>;

    /// Replaces a job's record, durably, if the stored version is `job.version - 1`. If
    /// [`Job::refunds`], one credit goes back to its owner in the same transaction, unless the owner's
    /// credits are no longer counted.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the stored version is another or there is no record.
    async fn replace(&self, job: &Job) -> Result<(), WriteError>;

    /// Up to `limit` jobs whose [`Job::due_at`] is at or before `now`, those due first coming first. What
    /// it gives may be out of date: read a job before acting on it. A step of a job, which
    /// leaves its lease as it is, does not touch what this reads.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError>;
}
