//! Removes expired jobs and orphaned files.
//!
//! A finished job expires together with its source, its backdrop and all its outputs, including those of workers that
//! lost their lease. Files without a record are removed by age: a source or a backdrop after a day (its request was
//! never accepted, or a late worker wrote it), outputs after the retention of finished jobs (a late worker wrote them).
//! Direct uploads are removed once no repeated request needs them. Idempotency keys are forgotten once they expire,
//! counters of requests soon after their window, counts of ended jobs and entries of the audit log after 400 days. The
//! identities of drops are kept for longer, and not removed here.

use std::time::{Duration, SystemTime};

use cutline_core::domain::identity::IdentityKind;
use cutline_core::domain::ids::JobId;
use cutline_core::ports::PortError;
use jiff::Timestamp;

use crate::audit::LocalAudit;
use crate::database::Database;
use crate::disk::on_disk;
use crate::error::StoreError;
use crate::files::LocalFiles;
use crate::identities::LocalIdentities;
use crate::jobs::{exists, job_ids};
use crate::rate_counters::LocalRateCounters;
use crate::upload_records;
use crate::usage::LocalUsage;

/// Jobs per transaction, so that other writers do not wait long.
const BATCH: usize = 100;
/// Age after which a source or a backdrop without a record will never get one.
const ORPHANED_SOURCE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes some of a job's files.
type Remove = fn(&LocalFiles, JobId) -> Result<(), StoreError>;

/// Removes expired jobs and orphaned files.
#[derive(Clone)]
pub struct Purge {
    database: Database,
    files: LocalFiles,
    retention: Duration,
}

/// The numbers of removed jobs and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurgeReport {
    /// Expired jobs, removed with their source, backdrop and outputs.
    pub jobs: usize,
    /// Jobs without a record whose source or backdrop was removed.
    pub sources: usize,
    /// Jobs without a record whose outputs were removed.
    pub outputs: usize,
    /// Direct uploads and replaced versions of them.
    pub uploads: usize,
    /// Jobs with a file that could not be removed; the log has the reason. The next purge tries again.
    pub failed: usize,
}

impl Purge {
    /// A purge of these stores. `retention` is the lifetime of finished jobs.
    pub fn new(database: Database, files: LocalFiles, retention: Duration) -> Self {
        Self { database, files, retention }
    }

    /// Removes the jobs that are expired at `now`. Cheap enough to run often.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database; what was removed before stays removed. A file that cannot be removed
    /// does not stop the purge.
    pub async fn expired(&self, now: Timestamp) -> Result<PurgeReport, PortError> {
        let mut purged = PurgeReport::default();
        LocalIdentities::new(self.database.clone()).forget(IdentityKind::Request, now).await?;
        LocalRateCounters::new(self.database.clone()).forget(now).await?;
        purged.uploads = self.expired_uploads(now).await?;
        LocalUsage::new(self.database.clone()).forget(now).await?;
        LocalAudit::new(self.database.clone()).forget(now).await?;
        loop {
            let expired = self.expired_jobs(now, purged.failed).await?;
            if expired.is_empty() {
                return Ok(purged);
            }
            // Files first: after an interruption, the record still leads to the rest.
            let found = expired.len();
            let removed = self.remove(expired, LocalFiles::remove_job).await?;
            purged.failed += found - removed.len();
            purged.jobs += self.delete_records(removed, now).await?;
        }
    }

    /// Removes old files without a record. Lists all files, so run it hourly rather than every minute.
    ///
    /// # Errors
    /// As [`Purge::expired`].
    pub async fn orphans(&self, now: Timestamp) -> Result<PurgeReport, PortError> {
        let before = |age| SystemTime::from(now).checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let (files, time) = (self.files.clone(), before(ORPHANED_SOURCE_AGE));
        let sources = on_disk(move || files.sources_before(time)).await?;
        let (files, time) = (self.files.clone(), before(self.retention));
        let outputs = on_disk(move || files.outputs_before(time)).await?;
        let (sources, sources_failed) = self.remove_unknown(sources, LocalFiles::remove_source).await?;
        let (outputs, outputs_failed) = self.remove_unknown(outputs, LocalFiles::remove_outputs).await?;
        let uploads = self.orphaned_uploads(before(ORPHANED_SOURCE_AGE)).await?;
        Ok(PurgeReport { jobs: 0, sources, outputs, uploads, failed: sources_failed + outputs_failed })
    }

    /// The next expired jobs after the first `skip`, which could not be removed.
    async fn expired_jobs(&self, now: Timestamp, skip: usize) -> Result<Vec<JobId>, StoreError> {
        let (now, skip) = (now.as_millisecond(), i64::try_from(skip).unwrap_or(i64::MAX));
        let expired = self.database.read(move |connection| {
            let sql = "SELECT id FROM jobs WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ? OFFSET ?";
            job_ids(connection, sql, (now, BATCH as i64, skip))
        });
        expired.await
    }

    async fn delete_records(&self, jobs: Vec<JobId>, now: Timestamp) -> Result<usize, StoreError> {
        let now = now.as_millisecond();
        let deleted = self.database.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM jobs WHERE id = ? AND expires_at <= ?")?;
            let mut deleted = 0;
            for job in jobs {
                deleted += delete.execute((job.to_string(), now))?;
            }
            Ok(deleted)
        });
        deleted.await
    }

    /// Removes files of each job. Returns the jobs where that succeeded.
    async fn remove(&self, jobs: Vec<JobId>, remove: Remove) -> Result<Vec<JobId>, PortError> {
        let files = self.files.clone();
        let removed = move || {
            let succeeds = |job: &JobId| match remove(&files, *job) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(%job, %error, "cannot remove expired files");
                    false
                }
            };
            Ok(jobs.into_iter().filter(succeeds).collect())
        };
        on_disk(removed).await
    }

    /// Removes files of those jobs that have no record. Returns how many jobs succeeded and how many failed.
    async fn remove_unknown(&self, jobs: Vec<JobId>, remove: Remove) -> Result<(usize, usize), PortError> {
        let (mut removed, mut failed) = (0, 0);
        for batch in jobs.chunks(BATCH) {
            let batch = batch.to_vec();
            let looked_up = self.database.read(move |connection| {
                let mut unknown = Vec::new();
                for job in batch {
                    if !exists(connection, &job.to_string())? {
                        unknown.push(job);
                    }
                }
                Ok(unknown)
            });
            let unknown = looked_up.await?;
            let found = unknown.len();
            let succeeded = self.remove(unknown, remove).await?.len();
            removed += succeeded;
            failed += found - succeeded;
        }
        Ok((removed, failed))
    }

    /// Removes the uploads that need not be kept any longer: the file first, since after an interruption the row still
    /// leads to it. A failure stops this, and not the rest of the purge.
    async fn expired_uploads(&self, now: Timestamp) -> Result<usize, PortError> {
        let mut removed = 0;
        loop {
            let expired = self.database.read(move |connection| upload_records::expired(connection, now, BATCH as i64));
            let expired = expired.await?;
            if expired.is_empty() {
                return Ok(removed);
            }
            let (files, found) = (self.files.clone(), expired.len());
            let remove = move || {
                let mut gone = Vec::new();
                for (key, version) in expired {
                    match version.map_or(Ok(()), |version| files.remove_upload(key, &version)) {
                        Ok(()) => gone.push(key),
                        Err(error) => tracing::error!(file_key = %key, %error, "cannot remove an expired upload"),
                    }
                }
                Ok(gone)
            };
            let gone = on_disk(remove).await?;
            removed += gone.len();
            let is_complete = gone.len() == found;
            let forget = move |connection: &rusqlite::Connection| {
                gone.into_iter().try_for_each(|key| upload_records::forget(connection, key))
            };
            self.database.write(forget).await?;
            if !is_complete {
                return Ok(removed);
            }
        }
    }

    /// Removes the files of uploads that no row names: a replaced version, or one whose row was never written.
    async fn orphaned_uploads(&self, time: SystemTime) -> Result<usize, PortError> {
        let files = self.files.clone();
        let mut removed = 0;
        for (key, version) in on_disk(move || files.uploads_before(time)).await? {
            let current = self.database.read(move |connection| upload_records::version(connection, key)).await?;
            if current.is_none_or(|current| current.version != version) {
                let files = self.files.clone();
                on_disk(move || files.remove_upload(key, &version)).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
