//! The records of jobs.

use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::job::{Job, JobSummary, Transition};
use cutline_core::ports::{CreateError, JobPage, JobQuery, Jobs, PortError, StorageUsage, WriteError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::audit::AuditInsert;
use crate::database::Database;
use crate::error::StoreError;
use crate::listing::Listing;
use crate::usage;

/// [`Jobs`] and [`StorageUsage`] in the database.
#[derive(Clone)]
pub struct LocalJobs {
    database: Database,
}

impl LocalJobs {
    /// The jobs in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The running jobs whose lease ends at most `lease` after `now`, or has ended: after a start, those that a worker
    /// of the previous process held.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn running(&self, now: Timestamp, lease: Duration) -> Result<Vec<JobId>, PortError> {
        let until = now.as_millisecond().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        let running = self.database.read(move |connection| {
            // Uses the index on due times; nearly all queued jobs are due later.
            job_ids(connection, "SELECT id FROM jobs WHERE due_at <= ? AND state = 'running'", [until])
        });
        Ok(running.await?)
    }
}

/// The write of a new job and the debit of its owner.
pub(crate) struct JobInsert {
    row: JobRow,
    charged: bool,
}

impl JobInsert {
    pub(crate) fn of(job: &Job) -> Result<Self, StoreError> {
        Ok(Self { row: JobRow::of(job)?, charged: job.charged })
    }

    /// Runs inside a write transaction, so no other write can come between its statements.
    pub(crate) fn run(&self, connection: &Connection) -> Result<InsertOutcome, StoreError> {
        if exists(connection, &self.row.id)? {
            return Ok(InsertOutcome::Exists);
        }
        if self.charged && !debit(connection, &self.row.owner)? {
            return Ok(InsertOutcome::InsufficientCredits);
        }
        self.row.insert(connection)?;
        Ok(InsertOutcome::Inserted)
    }
}

/// A job as a row: the document, and the columns that conditions and queries use.
struct JobRow {
    id: String,
    owner: String,
    version: i64,
    state: &'static str,
    due_at: Option<i64>,
    report_due_at: Option<i64>,
    deletion_due_at: Option<i64>,
    expires_at: Option<i64>,
    stored_bytes: i64,
    /// Empty for a job that lists do not show.
    summary: String,
    external_id: Option<String>,
    document: String,
}

impl JobRow {
    fn of(job: &Job) -> Result<Self, StoreError> {
        let summary = JobSummary::of(job).map(|summary| serde_json::to_string(&summary)).transpose();
        Ok(Self {
            summary: summary.map_err(StoreError::record)?.unwrap_or_default(),
            external_id: job.spec.external_id.as_ref().map(ToString::to_string),
            id: job.id.to_string(),
            owner: job.owner.to_string(),
            version: i64::try_from(job.version).map_err(StoreError::record)?,
            state: job.state.name(),
            due_at: job.repair_due_at().map(Timestamp::as_millisecond),
            report_due_at: job.report_due_at().map(Timestamp::as_millisecond),
            deletion_due_at: job.deletion_due_at().map(Timestamp::as_millisecond),
            expires_at: job.expires_at.map(Timestamp::as_millisecond),
            stored_bytes: i64::try_from(job.stored_bytes()).map_err(StoreError::record)?,
            document: serde_json::to_string(job).map_err(StoreError::record)?,
        })
    }

    fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        connection
            .prepare_cached(
                "INSERT INTO jobs
                     (id, owner, version, state, due_at, report_due_at, deletion_due_at, expires_at, stored_bytes, summary,
                      external_id, document)
                 VALUES
                     (:id, :owner, :version, :state, :due_at, :report_due_at, :deletion_due_at, :expires_at, :stored_bytes, :summary,
                      :external_id, :document)",
            )?
            .execute(named_params! {
                ":id": self.id, ":owner": self.owner, ":version": self.version, ":state": self.state,
                ":due_at": self.due_at, ":report_due_at": self.report_due_at, ":deletion_due_at": self.deletion_due_at, ":expires_at": self.expires_at, ":stored_bytes": self.stored_bytes,
                ":summary": self.summary, ":external_id": self.external_id, ":document": self.document,
            })?;
        Ok(())
    }

    /// Replaces the previous version. Returns false if another version is stored.
    fn replace(&self, connection: &Connection) -> Result<bool, StoreError> {
        let updated = connection
            .prepare_cached(
                "UPDATE jobs SET version = :version, state = :state, due_at = :due_at,
                     report_due_at = :report_due_at, deletion_due_at = :deletion_due_at,
                     expires_at = :expires_at, stored_bytes = :stored_bytes, summary = :summary,
                     external_id = :external_id, document = :document
                 WHERE id = :id AND version = :version - 1",
            )?
            .execute(named_params! {
                ":id": self.id, ":version": self.version, ":state": self.state, ":due_at": self.due_at,
                ":report_due_at": self.report_due_at, ":deletion_due_at": self.deletion_due_at, ":expires_at": self.expires_at, ":stored_bytes": self.stored_bytes, ":summary": self.summary,
                ":external_id": self.external_id, ":document": self.document,
            })?;
        Ok(updated == 1)
    }
}

/// The outcome of a [`JobInsert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InsertOutcome {
    Inserted,
    Exists,
    InsufficientCredits,
}

impl From<InsertOutcome> for Result<(), CreateError> {
    fn from(outcome: InsertOutcome) -> Self {
        match outcome {
            InsertOutcome::Inserted => Ok(()),
            InsertOutcome::Exists => Err(CreateError::Exists),
            InsertOutcome::InsufficientCredits => Err(CreateError::InsufficientCredits),
        }
    }
}

#[async_trait]
impl Jobs for LocalJobs {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        let insert = JobInsert::of(job)?;
        self.database.write(move |connection| insert.run(connection)).await?.into()
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError> {
        let id = id.to_string();
        let document = self.database.read(move |connection| {
            let mut query = connection.prepare_cached("SELECT document FROM jobs WHERE id = ?")?;
            Ok(query.query_row([id], |row| row.get::<_, String>(0)).optional()?)
        });
        match document.await? {
            Some(document) => Ok(Some(serde_json::from_str(&document).map_err(StoreError::record)?)),
            None => Ok(None),
        }
    }

    async fn replace(&self, transition: &Transition) -> Result<(), WriteError> {
        let row = JobRow::of(&transition.job)?;
        let (refunds, counted) = (transition.refunds(), transition.counted());
        let audited: Vec<_> = transition.audited().map(AuditInsert::of).collect::<Result<_, _>>()?;
        let replaced = self.database.write(move |connection| {
            if !row.replace(connection)? {
                return Ok(false);
            }
            if refunds {
                refund(connection, &row.owner)?;
            }
            if let Some(counted) = counted {
                usage::count(connection, &row.owner, counted)?;
            }
            audited.iter().try_for_each(|insert| insert.run(connection))?;
            Ok(true)
        });
        if replaced.await? { Ok(()) } else { Err(WriteError::Conflict) }
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let (now, limit) = (now.as_millisecond(), i64::try_from(limit).unwrap_or(i64::MAX));
        let due = self.database.read(move |connection| {
            let sql = "SELECT id FROM jobs WHERE due_at <= ? ORDER BY due_at LIMIT ?";
            job_ids(connection, sql, (now, limit))
        });
        Ok(due.await?)
    }

    async fn reports_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let (now, limit) = (now.as_millisecond(), i64::try_from(limit).unwrap_or(i64::MAX));
        let due = self.database.read(move |connection| {
            let sql = "SELECT id FROM jobs WHERE report_due_at <= ? ORDER BY report_due_at LIMIT ?";
            job_ids(connection, sql, (now, limit))
        });
        Ok(due.await?)
    }

    async fn deletions_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let (now, limit) = (now.as_millisecond(), i64::try_from(limit).unwrap_or(i64::MAX));
        let due = self.database.read(move |connection| {
            let sql = "SELECT id FROM jobs WHERE deletion_due_at <= ? ORDER BY deletion_due_at LIMIT ?";
            job_ids(connection, sql, (now, limit))
        });
        Ok(due.await?)
    }

    async fn list(&self, owner: &OwnerId, query: &JobQuery) -> Result<JobPage, PortError> {
        let listing = Listing::of(owner, query);
        Ok(self.database.read(move |connection| listing.run(connection)).await?)
    }
}

/// Applies `change` to the jobs with these ids, inside a write transaction. Returns the number of changed jobs. Leaves
/// records alone that this release cannot read.
pub(crate) fn change_jobs(
    connection: &Connection,
    ids: Vec<JobId>,
    change: impl Fn(Job) -> Option<Transition>,
) -> Result<usize, StoreError> {
    let mut query = connection.prepare_cached("SELECT document FROM jobs WHERE id = ?")?;
    let mut changed = 0;
    for id in ids {
        let document: Option<String> = query.query_row([id.to_string()], |row| row.get(0)).optional()?;
        let job = document.and_then(|document| serde_json::from_str(&document).ok());
        if let Some(transition) = job.and_then(&change) {
            changed += usize::from(JobRow::of(&transition.job)?.replace(connection)?);
        }
    }
    Ok(changed)
}

#[async_trait]
impl StorageUsage for LocalJobs {
    /// Reads one row, which triggers of the schema keep up to date.
    async fn stored_bytes(&self, owner: &OwnerId) -> Result<u64, PortError> {
        let owner = owner.to_string();
        let stored = self.database.read(move |connection| {
            let mut query = connection.prepare_cached("SELECT bytes FROM stored_bytes WHERE owner = ?")?;
            Ok(query.query_row([owner], |row| row.get::<_, i64>(0)).optional()?)
        });
        Ok(u64::try_from(stored.await?.unwrap_or(0)).map_err(StoreError::record)?)
    }
}

/// The ids in the first column of a query's rows.
pub(crate) fn job_ids(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<JobId>, StoreError> {
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params)?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.get_ref(0)?.as_str().map_err(StoreError::record)?.parse().map_err(StoreError::record)?);
    }
    Ok(ids)
}

/// Whether a job with this id is stored.
pub(crate) fn exists(connection: &Connection, id: &str) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM jobs WHERE id = ?")?.exists([id])?)
}

/// Debits one credit. Returns false if none is left; an owner without counted credits has none.
fn debit(connection: &Connection, owner: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE owners SET credits = credits - 1 WHERE id = ? AND credits > 0";
    Ok(connection.prepare_cached(sql)?.execute([owner])? == 1)
}

/// Refunds one credit, if the owner's credits are still counted.
fn refund(connection: &Connection, owner: &str) -> Result<(), StoreError> {
    // Beyond this bound the sum would no longer be an integer.
    let sql = "UPDATE owners SET credits = credits + 1 WHERE id = ? AND credits < 9223372036854775807";
    connection.prepare_cached(sql)?.execute([owner])?;
    Ok(())
}
