//! Forgetting what is past its time.
//!
//! A finished job's record expires, and its source, its backdrop and its outputs with it; outputs of claims that
//! lost lie beside the winner's and go with them. What no record speaks of goes by its age: a source whose request
//! was never accepted after a day, and so a backdrop that a late worker wrote, outputs that a late worker wrote after its job was forgotten after the
//! time that finished jobs are kept.

use std::time::{Duration, SystemTime};

use cutline_core::domain::ids::JobId;
use cutline_core::ports::PortError;
use jiff::Timestamp;

use crate::database::Database;
use crate::error::StoreError;
use crate::files::{LocalFiles, on_disk};
use crate::jobs::{exists, job_ids};

/// How many jobs are dealt with in one go, so that nobody waits long behind it.
const STEP: usize = 100;
/// How old a source or a backdrop is before the lack of a record means that there will be none.
const UNCLAIMED_SOURCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How something of a job is removed.
type Remove = fn(&LocalFiles, JobId) -> Result<(), StoreError>;

/// Removes what is past its time.
#[derive(Clone)]
pub struct Purge {
    database: Database,
    files: LocalFiles,
    retention: Duration,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Jobs whose time was over, with their source, backdrop and outputs.
    pub jobs: usize,
    /// Jobs' sources and backdrops without their job.
    pub sources: usize,
    /// Jobs' outputs without their job.
    pub outputs: usize,
    /// Jobs of which something could not be removed; the log says why. They are tried again the next time.
    pub failed: usize,
}

impl Purge {
    /// A purge of these stores, where finished jobs are kept for `retention`.
    pub fn new(database: Database, files: LocalFiles, retention: Duration) -> Self {
        Self { database, files, retention }
    }

    /// Removes the jobs that are expired at `now`. Looks at nothing else, so it may run often.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database; what was removed until then stays removed. A file that
    /// cannot be removed is in the way of no other.
    pub async fn expired(&self, now: Timestamp) -> Result<Purged, PortError> {
        let mut purged = Purged::default();
        loop {
            let expired = self.expired_jobs(now, purged.failed).await?;
            if expired.is_empty() {
                return Ok(purged);
            }
            // Files first: if this stops in between, the record brings it back here.
            let found = expired.len();
            let removed = self.remove(expired, LocalFiles::remove_job).await?;
            purged.failed += found - removed.len();
            purged.jobs += self.forget(removed, now).await?;
        }
    }

    /// Removes sources and outputs that no job speaks of and that are old enough at `now`. Looks at the
    /// names of all files, so it is for every hour or so.
    ///
    /// # Errors
    /// As for [`Purge::expired`].
    pub async fn orphans(&self, now: Timestamp) -> Result<Purged, PortError> {
        let before = |age| SystemTime::from(now).checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let (files, time) = (self.files.clone(), before(UNCLAIMED_SOURCE));
        let sources = on_disk(move || files.sources_before(time)).await?;
        let (files, time) = (self.files.clone(), before(self.retention));
        let outputs = on_disk(move || files.outputs_before(time)).await?;
        let (sources, sources_left) = self.remove_unknown(sources, LocalFiles::remove_source).await?;
        let (outputs, outputs_left) = self.remove_unknown(outputs, LocalFiles::remove_outputs).await?;
        Ok(Purged { jobs: 0, sources, outputs, failed: sources_left + outputs_left })
    }

    /// The next expired jobs, without the first so many, which could not be removed.
    async fn expired_jobs(&self, now: Timestamp, without: usize) -> Result<Vec<JobId>, StoreError> {
        let (now, without) = (now.as_millisecond(), i64::try_from(without).unwrap_or(i64::MAX));
        let expired = self.database.read(move |connection| {
            let sql = "SELECT id FROM jobs WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ? OFFSET ?";
            job_ids(connection, sql, (now, STEP as i64, without))
        });
        expired.await
    }

    async fn forget(&self, jobs: Vec<JobId>, now: Timestamp) -> Result<usize, StoreError> {
        let now = now.as_millisecond();
        let forgotten = self.database.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM jobs WHERE id = ? AND expires_at <= ?")?;
            let mut forgotten = 0;
            for job in jobs {
                forgotten += delete.execute((job.to_string(), now))?;
            }
            Ok(forgotten)
        });
        forgotten.await
    }

    /// Removes what belongs to each of `jobs`. Those for which that went well.
    async fn remove(&self, jobs: Vec<JobId>, remove: Remove) -> Result<Vec<JobId>, PortError> {
        let files = self.files.clone();
        let removed = move || {
            let well = |job: &JobId| match remove(&files, *job) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(%job, %error, "files that are past their time could not be removed");
                    false
                }
            };
            Ok(jobs.into_iter().filter(well).collect())
        };
        on_disk(removed).await
    }

    /// Removes what belongs to those of `jobs` that have no record. How many there were, and how many are left.
    async fn remove_unknown(&self, jobs: Vec<JobId>, remove: Remove) -> Result<(usize, usize), PortError> {
        let (mut removed, mut left) = (0, 0);
        for step in jobs.chunks(STEP) {
            let step = step.to_vec();
            let looked_up = self.database.read(move |connection| {
                let mut unknown = Vec::new();
                for job in step {
                    if !exists(connection, &job.to_string())? {
                        unknown.push(job);
                    }
                }
                Ok(unknown)
            });
            let unknown = looked_up.await?;
            let found = unknown.len();
            let gone = self.remove(unknown, remove).await?.len();
            removed += gone;
            left += found - gone;
        }
        Ok((removed, left))
    }
}
