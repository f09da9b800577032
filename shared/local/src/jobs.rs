//! The records of jobs.

use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::ids::JobId;
use cutline_core::domain::job::Job;
use cutline_core::ports::{CreateError, Jobs, PortError, WriteError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::database::Database;
use crate::error::StoreError;

/// [`Jobs`] in the database.
#[derive(Clone)]
pub struct LocalJobs {
    database: Database,
}

impl LocalJobs {
    /// The jobs of this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The jobs that a worker had when a process ended: those under a lease that holds at `now`, none longer
    /// than `lease`, or has run out.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn running(&self, now: Timestamp, lease: Duration) -> Result<Vec<JobId>, PortError> {
        let until = now.as_millisecond().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        let running = self.database.read(move |connection| {
            // By the index of due jobs, of which nearly all others are due later.
            job_ids(connection, "SELECT id FROM jobs WHERE due_at <= ? AND state = 'running'", [until])
        });
        Ok(running.await?)
    }
}

/// Makes a job's record and takes its credit. What was made is undone with the transaction.
pub(crate) struct NewJob {
    row: Row,
    charged: bool,
}

impl NewJob {
    pub(crate) fn of(job: &Job) -> Result<Self, StoreError> {
        Ok(Self { row: Row::of(job)?, charged: job.charged })
    }

    /// Nothing else writes between the statements, so what was looked up still holds.
    pub(crate) fn make(&self, connection: &Connection) -> Result<Created, StoreError> {
        if exists(connection, &self.row.id)? {
            return Ok(Created::Exists);
        }
        if self.charged && !debit(connection, &self.row.owner)? {
            return Ok(Created::NoCredit);
        }
        self.row.insert(connection)?;
        Ok(Created::Yes)
    }
}

/// A job as a row: the document, and beside it what is asked for.
struct Row {
    id: String,
    owner: String,
    version: i64,
    state: &'static str,
    due_at: Option<i64>,
    expires_at: Option<i64>,
    document: String,
}

impl Row {
    fn of(job: &Job) -> Result<Self, StoreError> {
        Ok(Self {
            id: job.id.to_string(),
            owner: job.owner.to_string(),
            version: i64::try_from(job.version).map_err(StoreError::record)?,
            state: job.state.name(),
            due_at: job.due_at().map(Timestamp::as_millisecond),
            expires_at: job.expires_at.map(Timestamp::as_millisecond),
            document: serde_json::to_string(job).map_err(StoreError::record)?,
        })
    }

    /// Whether the row took its place in the table.
    fn insert(&self, connection: &Connection) -> Result<bool, StoreError> {
        let inserted = connection
            .prepare_cached(
                "INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document)
                 VALUES (:id, :owner, :version, :state, :due_at, :expires_at, :document)
                 ON CONFLICT (id) DO NOTHING",
            )?
            .execute(named_params! {
                ":id": self.id, ":owner": self.owner, ":version": self.version, ":state": self.state,
                ":due_at": self.due_at, ":expires_at": self.expires_at, ":document": self.document,
            })?;
        Ok(inserted == 1)
    }

    /// Whether the row took the place of the version before it.
    fn replace(&self, connection: &Connection) -> Result<bool, StoreError> {
        let updated = connection
            .prepare_cached(
                "UPDATE jobs SET version = :version, state = :state, due_at = :due_at,
                     expires_at = :expires_at, document = :document
                 WHERE id = :id AND version = :version - 1",
            )?
            .execute(named_params! {
                ":id": self.id, ":version": self.version, ":state": self.state, ":due_at": self.due_at,
                ":expires_at": self.expires_at, ":document": self.document,
            })?;
        Ok(updated == 1)
    }
}

/// What became of a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    Yes,
    Exists,
    NoCredit,
}

impl From<Created> for Result<(), CreateError> {
    fn from(created: Created) -> Self {
        match created {
            Created::Yes => Ok(()),
            Created::Exists => Err(CreateError::Exists),
            Created::NoCredit => Err(CreateError::InsufficientCredits),
        }
    }
}

#[async_trait]
impl Jobs for LocalJobs {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        let new = NewJob::of(job)?;
        self.database.write(move |connection| new.make(connection)).await?.into()
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

    async fn replace(&self, job: &Job) -> Result<(), WriteError> {
        let row = Row::of(job)?;
        let refunds = job.refunds();
        let replaced = self.database.write(move |connection| {
            let replaced = row.replace(connection)?;
            if replaced && refunds {
                refund(connection, &row.owner)?;
            }
            Ok(replaced)
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
}

/// The ids that a query gives in its first column.
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

/// Whether there is a job with this id.
pub(crate) fn exists(connection: &Connection, id: &str) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM jobs WHERE id = ?")?.exists([id])?)
}

/// Takes a credit. Whether there was one; an owner whose credits are not counted has none to take.
fn debit(connection: &Connection, owner: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE owners SET credits = credits - 1 WHERE id = ? AND credits > 0";
    Ok(connection.prepare_cached(sql)?.execute([owner])? == 1)
}

/// Gives a credit back, if they are still counted.
fn refund(connection: &Connection, owner: &str) -> Result<(), StoreError> {
    // The bound is where the next one would no longer be an integer.
    let sql = "UPDATE owners SET credits = credits + 1 WHERE id = ? AND credits < 9223372036854775807";
    connection.prepare_cached(sql)?.execute([owner])?;
    Ok(())
}
