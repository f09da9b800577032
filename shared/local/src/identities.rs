//! External identities, each stored in the transaction that creates its job.

use async_trait::async_trait;
use cutline_core::domain::digest::Digest;
use cutline_core::domain::identity::{IdentifiedJob, Identity, IdentityKey, IdentityKind};
use cutline_core::domain::job::Job;
use cutline_core::ports::{CreateError, Identities, PortError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::database::Database;
use crate::error::StoreError;
use crate::jobs::{InsertOutcome, JobInsert};

/// Identities per transaction, so that other writers do not wait long.
const BATCH: usize = 500;

/// [`Identities`] in the database.
#[derive(Clone)]
pub struct LocalIdentities {
    database: Database,
}

impl LocalIdentities {
    /// The identities in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Whether the identity is stored. If it has expired, restarts its lifetime: the caller knows that what it names
    /// still exists.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn revive(&self, key: &IdentityKey, now: Timestamp) -> Result<bool, PortError> {
        let stored = self.row(key).await?;
        if stored.as_ref().is_some_and(|row| !row.is_live(now)) {
            self.keep(std::slice::from_ref(key), now).await?;
        }
        Ok(stored.is_some())
    }

    /// Restarts the lifetime of these identities at `now`: what they name still exists.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn keep(&self, keys: &[IdentityKey], now: Timestamp) -> Result<(), PortError> {
        for batch in keys.chunks(BATCH) {
            let batch = batch.to_vec();
            let kept = self.database.write(move |connection| {
                let sql = "UPDATE identities SET expires_at = ?1 WHERE kind = ?2 AND digest = ?3 AND expires_at < ?1";
                let mut keep = connection.prepare_cached(sql)?;
                for key in batch {
                    let expires_at = Identity::new(key, None, now).expires_at.as_millisecond();
                    keep.execute((expires_at, key.kind.as_str(), key.digest.to_string()))?;
                }
                Ok(())
            });
            kept.await?;
        }
        Ok(())
    }

    /// Removes the expired identities of one kind, and returns their number. For drops, [`LocalIdentities::keep`] those
    /// whose files still exist first: a server that was stopped for weeks would otherwise process them again.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the database.
    pub async fn forget(&self, kind: IdentityKind, now: Timestamp) -> Result<usize, PortError> {
        let now = now.as_millisecond();
        let forgotten = self.database.write(move |connection| {
            let sql = "DELETE FROM identities WHERE kind = ? AND expires_at <= ?";
            Ok(connection.prepare_cached(sql)?.execute((kind.as_str(), now))?)
        });
        Ok(forgotten.await?)
    }

    async fn row(&self, key: &IdentityKey) -> Result<Option<IdentityRow>, StoreError> {
        let key = *key;
        self.database.read(move |connection| IdentityRow::read(connection, &key)).await
    }
}

/// Brings the ends of lifetimes forward that cannot lie so far ahead of `now`, inside a write transaction. Returns the
/// number of changed identities.
pub(crate) fn bring_forward(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let sql = "UPDATE identities SET expires_at = ?1 WHERE kind = ?2 AND expires_at > ?1";
    let mut update = connection.prepare_cached(sql)?;
    let mut brought = 0;
    for kind in IdentityKind::ALL {
        let lifetime = i64::try_from(kind.lifetime().as_millis()).unwrap_or(i64::MAX);
        let latest = now.as_millisecond().saturating_add(lifetime);
        brought += update.execute((latest, kind.as_str()))?;
    }
    Ok(brought)
}

/// An identity as a row.
struct IdentityRow {
    job: String,
    fingerprint: Option<String>,
    /// Milliseconds since 1970.
    expires_at: i64,
}

impl IdentityRow {
    fn read(connection: &Connection, key: &IdentityKey) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT job, fingerprint, expires_at FROM identities WHERE kind = ? AND digest = ?";
        let mut query = connection.prepare_cached(sql)?;
        let row = query.query_row((key.kind.as_str(), key.digest.to_string()), |row| {
            Ok(Self { job: row.get(0)?, fingerprint: row.get(1)?, expires_at: row.get(2)? })
        });
        Ok(row.optional()?)
    }

    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at > now.as_millisecond()
    }

    fn identified_job(&self) -> Result<IdentifiedJob, StoreError> {
        let fingerprint = self.fingerprint.as_deref().map(str::parse::<Digest>);
        Ok(IdentifiedJob {
            job: self.job.parse().map_err(StoreError::record)?,
            fingerprint: fingerprint.transpose().map_err(StoreError::record)?,
        })
    }

    /// Stores the row. Replaces an expired one.
    fn put(&self, connection: &Connection, key: &IdentityKey) -> Result<(), StoreError> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO identities (kind, digest, job, fingerprint, expires_at)
                 VALUES (:kind, :digest, :job, :fingerprint, :expires_at)",
            )?
            .execute(named_params! {
                ":kind": key.kind.as_str(), ":digest": key.digest.to_string(), ":job": self.job,
                ":fingerprint": self.fingerprint, ":expires_at": self.expires_at,
            })?;
        Ok(())
    }
}

#[async_trait]
impl Identities for LocalIdentities {
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError> {
        let live = self.row(key).await?.filter(|row| row.is_live(now));
        Ok(live.map(|row| row.identified_job()).transpose()?)
    }

    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError> {
        let (key, now) = (identity.key, job.created_at);
        let insert = JobInsert::of(job)?;
        let row = IdentityRow {
            job: job.id.to_string(),
            fingerprint: identity.fingerprint.map(String::from),
            expires_at: identity.expires_at.as_millisecond(),
        };
        let outcome = self.database.write(move |connection| {
            if IdentityRow::read(connection, &key)?.is_some_and(|stored| stored.is_live(now)) {
                return Ok(InsertOutcome::Exists);
            }
            let outcome = insert.run(connection)?;
            if outcome == InsertOutcome::Inserted {
                row.put(connection, &key)?;
            }
            Ok(outcome)
        });
        outcome.await?.into()
    }
}
