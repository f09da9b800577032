//! Counts of ended jobs, changed in the transaction that ends a job.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::usage::{EndCounts, JobEnd, Month, USAGE_DAYS};
use cutline_core::ports::{PortError, Usage};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use crate::database::Database;
use crate::error::StoreError;

/// [`Usage`] in the database.
#[derive(Clone)]
pub struct LocalUsage {
    database: Database,
}

impl LocalUsage {
    /// The counts in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Removes the counts of months that are long over at `now`.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn forget(&self, now: Timestamp) -> Result<usize, PortError> {
        let oldest = now.checked_sub(SignedDuration::from_hours(24 * USAGE_DAYS)).unwrap_or(Timestamp::MIN);
        let oldest = Month::of(oldest).to_string();
        let forgotten = self.database.write(move |connection| {
            Ok(connection.prepare_cached("DELETE FROM ended_jobs WHERE month < ?")?.execute([oldest])?)
        });
        Ok(forgotten.await?)
    }
}

#[async_trait]
impl Usage for LocalUsage {
    async fn ended(&self, owner: &OwnerId, month: Month) -> Result<EndCounts, PortError> {
        let key = (owner.to_string(), month.to_string());
        let stored = self.database.read(move |connection| {
            let sql = "SELECT done, failed, cancelled FROM ended_jobs WHERE owner = ? AND month = ?";
            let mut query = connection.prepare_cached(sql)?;
            Ok(query.query_row(key, |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).optional()?)
        });
        let stored: [i64; 3] = stored.await?.unwrap_or_default();
        let [done, failed, cancelled] = stored.map(|count| u64::try_from(count).unwrap_or(0));
        Ok(EndCounts { done, failed, cancelled })
    }
}

/// Counts a job that ends, inside the transaction that stores its end.
pub(crate) fn count(connection: &Connection, owner: &str, (end, month): (JobEnd, Month)) -> Result<(), StoreError> {
    let sql = match end {
        JobEnd::Done => {
            "INSERT INTO ended_jobs (owner, month, done) VALUES (?, ?, 1)
             ON CONFLICT (owner, month) DO UPDATE SET done = done + 1"
        }
        JobEnd::Failed => {
            "INSERT INTO ended_jobs (owner, month, failed) VALUES (?, ?, 1)
             ON CONFLICT (owner, month) DO UPDATE SET failed = failed + 1"
        }
        JobEnd::Cancelled => {
            "INSERT INTO ended_jobs (owner, month, cancelled) VALUES (?, ?, 1)
             ON CONFLICT (owner, month) DO UPDATE SET cancelled = cancelled + 1"
        }
    };
    connection.prepare_cached(sql)?.execute((owner, month.to_string()))?;
    Ok(())
}
