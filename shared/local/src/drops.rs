//! The drops that have become jobs.

use std::time::Duration;

use async_trait::async_trait;
use cutline_core::domain::drops::DropId;
use cutline_core::domain::ids::JobId;
use cutline_core::domain::job::Job;
use cutline_core::ports::{CreateError, Drops, PortError};
use jiff::Timestamp;
use rusqlite::OptionalExtension as _;

use crate::database::Database;
use crate::error::StoreError;
use crate::jobs::{InsertOutcome, JobInsert};

/// How long a drop is remembered after it was created or last kept.
const RETENTION: Duration = Duration::from_secs(35 * 24 * 60 * 60);
/// Drops per transaction, so that other writers do not wait long.
const BATCH: usize = 500;

/// [`Drops`] in the database.
#[derive(Clone)]
pub struct LocalDrops {
    database: Database,
}

impl LocalDrops {
    /// The drops in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Extends the memory of these drops to 35 days from `now`: their files are still in the folder.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn keep(&self, ids: &[DropId], now: Timestamp) -> Result<(), PortError> {
        let until = expiry(now);
        for batch in ids.chunks(BATCH) {
            let batch: Vec<_> = batch.iter().map(DropId::to_string).collect();
            let kept = self.database.write(move |connection| {
                let sql = "UPDATE drops SET expires_at = ? WHERE id = ? AND expires_at < ?1";
                let mut keep = connection.prepare_cached(sql)?;
                for id in batch {
                    keep.execute((until, id))?;
                }
                Ok(())
            });
            kept.await?;
        }
        Ok(())
    }

    /// Removes expired drops. Call [`LocalDrops::keep`] for every file in the folder first: a server that was stopped
    /// for weeks would otherwise process them again.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn forget(&self, now: Timestamp) -> Result<usize, PortError> {
        let now = now.as_millisecond();
        let forgotten = self.database.write(move |connection| {
            Ok(connection.prepare_cached("DELETE FROM drops WHERE expires_at <= ?")?.execute([now])?)
        });
        Ok(forgotten.await?)
    }
}

fn expiry(now: Timestamp) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(RETENTION.as_millis()).unwrap_or(i64::MAX))
}

#[async_trait]
impl Drops for LocalDrops {
    async fn find(&self, id: &DropId) -> Result<Option<JobId>, PortError> {
        let id = id.to_string();
        let job = self.database.read(move |connection| {
            let mut query = connection.prepare_cached("SELECT job FROM drops WHERE id = ?")?;
            Ok(query.query_row([id], |row| row.get::<_, String>(0)).optional()?)
        });
        Ok(job.await?.map(|job| job.parse().map_err(StoreError::record)).transpose()?)
    }

    async fn create(&self, job: &Job, id: &DropId) -> Result<(), CreateError> {
        let insert = JobInsert::of(job)?;
        let row = (id.to_string(), job.id.to_string(), expiry(job.created_at));
        let outcome = self.database.write(move |connection| {
            if connection.prepare_cached("SELECT 1 FROM drops WHERE id = ?")?.exists([&row.0])? {
                return Ok(InsertOutcome::Exists);
            }
            let outcome = insert.run(connection)?;
            if outcome == InsertOutcome::Inserted {
                let sql = "INSERT INTO drops (id, job, expires_at) VALUES (?, ?, ?)";
                connection.prepare_cached(sql)?.execute(row)?;
            }
            Ok(outcome)
        });
        outcome.await?.into()
    }
}
