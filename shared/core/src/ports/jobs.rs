//! The store of job records.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::{CreateError, PortError, WriteError};
use crate::domain::correlation::ExternalId;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobSummary, Transition};

/// Which jobs of an owner to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobQuery {
    /// Only jobs with a lower id, which were created before it.
    pub before: Option<JobId>,
    /// Only jobs with this external id.
    pub external_id: Option<ExternalId>,
    /// How many jobs to look at, at most.
    pub limit: usize,
}

/// Some jobs of an owner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobPage {
    /// The jobs, the highest id first.
    pub jobs: Vec<JobSummary>,
    /// The `before` of the next page; `None` on the last page.
    pub next: Option<JobId>,
}

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
    /// unless the owner's credits are no longer counted. [`Effect::Audit`](crate::domain::job::Effect::Audit) stores its
    /// entry. [`Effect::Count`](crate::domain::job::Effect::Count) is counted as [`Usage`](super::Usage) documents.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the stored version differs or the record is missing. Nothing was changed then.
    async fn replace(&self, transition: &Transition) -> Result<(), WriteError>;

    /// Up to `limit` jobs whose [`Job::repair_due_at`] is at or before `now`, earliest first. The answer may be out of date:
    /// read a job before acting on it. A step does not change the lease of a job, and so does not change this index.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError>;

    /// Up to `limit` jobs whose [`Job::report_due_at`] is at or before `now`, earliest first. Apart from [`Jobs::due`], so
    /// that no number of reports delays other work. May be out of date like it.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn reports_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError>;

    /// Up to `limit` jobs whose [`Job::deletion_due_at`] is at or before `now`, earliest first. Apart from
    /// [`Jobs::due`], so that no number of deletions delays other work. May be out of date like it.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn deletions_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError>;

    /// The owner's jobs, the highest id first, without those that were withdrawn or deleted ([`JobSummary::of`]). May lag
    /// behind the records by seconds. Expired records are not hidden. A page looks at `query.limit` jobs at most, so it
    /// may be short although there is a next one.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn list(&self, owner: &OwnerId, query: &JobQuery) -> Result<JobPage, PortError>;
}
