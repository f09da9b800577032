//! Which drops became which jobs.

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
use crate::jobs::{Created, NewJob};

/// How long a drop is known that nobody asked to be kept.
const KNOWN_FOR: Duration = Duration::from_secs(35 * 24 * 60 * 60);
/// How many are kept in one go, so that nobody waits long behind it.
const STEP: usize = 500;

/// [`Drops`] in the database.
#[derive(Clone)]
pub struct LocalDrops {
    database: Database,
}

impl LocalDrops {
    /// The drops of this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Keeps these known for 14 more days: their files are still there.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn keep(&self, ids: &[DropId], now: Timestamp) -> Result<(), PortError> {
        let until = known_until(now);
        for step in ids.chunks(STEP) {
            let step: Vec<_> = step.iter().map(DropId::to_string).collect();
            let kept = self.database.write(move |connection| {
                let sql = "UPDATE drops SET expires_at = ? WHERE id = ? AND expires_at < ?1";
                let mut keep = connection.prepare_cached(sql)?;
                for id in step {
                    keep.execute((until, id))?;
                }
                Ok(())
            });
            kept.await?;
        }
        Ok(())
    }

    /// Forgets what nobody asked to be kept. For who has just kept all that are there: a server that did not run for
    /// weeks would else take them for new.
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

fn known_until(now: Timestamp) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(KNOWN_FOR.as_millis()).unwrap_or(i64::MAX))
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
        let new = NewJob::of(job)?;
        let row = (id.to_string(), job.id.to_string(), known_until(job.created_at));
        let created = self.database.write(move |connection| {
            if connection.prepare_cached("SELECT 1 FROM drops WHERE id = ?")?.exists([&row.0])? {
                return Ok(Created::Exists);
            }
            let created = new.make(connection)?;
            if created == Created::Yes {
                let sql = "INSERT INTO drops (id, job, expires_at) VALUES (?, ?, ?)";
                connection.prepare_cached(sql)?.execute(row)?;
            }
            Ok(created)
        });
        created.await?.into()
    }
}
