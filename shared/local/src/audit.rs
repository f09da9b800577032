//! The audit log.

use async_trait::async_trait;
use cutline_core::domain::audit::{AUDIT_DAYS, AuditEntry, AuditId};
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::ports::{Audit, PortError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Params};

use crate::database::Database;
use crate::error::StoreError;

/// [`Audit`] in the database.
#[derive(Clone)]
pub struct LocalAudit {
    database: Database,
}

impl LocalAudit {
    /// The audit log in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Removes the entries that are too old at `now`.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn forget(&self, now: Timestamp) -> Result<usize, PortError> {
        let before = now.checked_sub(SignedDuration::from_hours(24 * AUDIT_DAYS)).unwrap_or(Timestamp::MIN);
        let before = before.as_millisecond();
        let forgotten = self.database.write(move |connection| {
            Ok(connection.prepare_cached("DELETE FROM audit_entries WHERE at <= ?")?.execute([before])?)
        });
        Ok(forgotten.await?)
    }

    async fn select(
        &self,
        sql: &'static str,
        params: impl Params + Send + 'static,
    ) -> Result<Vec<AuditEntry>, PortError> {
        let listed = self.database.read(move |connection| {
            let mut query = connection.prepare_cached(sql)?;
            let mut rows = query.query(params)?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let document = row.get_ref(0)?.as_str().map_err(StoreError::record)?;
                entries.push(serde_json::from_str(document).map_err(StoreError::record)?);
            }
            Ok(entries)
        });
        Ok(listed.await?)
    }
}

/// The write of an entry.
pub(crate) struct AuditInsert {
    id: String,
    owner: String,
    job: Option<String>,
    at: i64,
    document: String,
}

impl AuditInsert {
    pub(crate) fn of(entry: &AuditEntry) -> Result<Self, StoreError> {
        Ok(Self {
            id: entry.id.to_string(),
            owner: entry.owner.to_string(),
            job: entry.job.map(|job| job.to_string()),
            at: entry.at.as_millisecond(),
            document: serde_json::to_string(entry).map_err(StoreError::record)?,
        })
    }

    /// Runs inside a write transaction.
    pub(crate) fn run(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO audit_entries (id, owner, job, at, document) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT (id) DO NOTHING";
        let row = (&self.id, &self.owner, &self.job, self.at, &self.document);
        connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}

/// Greater than every id: ids consist of hexadecimal digits and hyphens.
const AFTER_EVERY_ID: &str = "~";

#[async_trait]
impl Audit for LocalAudit {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        let insert = AuditInsert::of(entry)?;
        Ok(self.database.write(move |connection| insert.run(connection)).await?)
    }

    async fn list(&self, owner: &OwnerId, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        let before = before.map_or_else(|| AFTER_EVERY_ID.to_owned(), |id| id.to_string());
        let sql = "SELECT document FROM audit_entries WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?";
        self.select(sql, (owner.to_string(), before, rows(limit))).await
    }

    async fn of_job(&self, job: JobId, limit: usize) -> Result<Vec<AuditEntry>, PortError> {
        let sql = "SELECT document FROM audit_entries WHERE job = ? ORDER BY id DESC LIMIT ?";
        self.select(sql, (job.to_string(), rows(limit))).await
    }
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
