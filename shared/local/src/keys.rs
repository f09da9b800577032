//! API keys and their owners.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::keys::{KeyHash, KeyRecord, Owner};
use cutline_core::ports::{Keys, PortError};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use crate::database::Database;
use crate::error::StoreError;

/// [`Keys`] in the database.
#[derive(Clone)]
pub struct LocalKeys {
    database: Database,
}

impl LocalKeys {
    /// The keys in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Every key, including revoked ones, oldest first.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn list(&self) -> Result<Vec<KeyRecord>, PortError> {
        let listed = self.database.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT hash, owner, label, created_at, revoked_at FROM keys ORDER BY created_at, hash",
            )?;
            let mut rows = query.query([])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                keys.push(key_of(row)?);
            }
            Ok(keys)
        });
        Ok(listed.await?)
    }
}

#[async_trait]
impl Keys for LocalKeys {
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError> {
        let row = (
            key.hash.to_string(),
            key.owner.to_string(),
            key.label.clone(),
            key.created_at.as_millisecond(),
            key.revoked_at.map(Timestamp::as_millisecond),
        );
        let inserted = self.database.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO keys (hash, owner, label, created_at, revoked_at) VALUES (?, ?, ?, ?, ?)
                     ON CONFLICT (hash) DO NOTHING",
                )?
                .execute(row)?;
            Ok(())
        });
        Ok(inserted.await?)
    }

    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError> {
        let hash = hash.to_string();
        let found = self.database.read(move |connection| {
            let mut query = connection
                .prepare_cached("SELECT hash, owner, label, created_at, revoked_at FROM keys WHERE hash = ?")?;
            let mut rows = query.query([hash])?;
            rows.next()?.map(key_of).transpose()
        });
        Ok(found.await?)
    }

    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError> {
        let (hash, at) = (hash.to_string(), at.as_millisecond());
        let revoked = self.database.write(move |connection| {
            let sql = "UPDATE keys SET revoked_at = ? WHERE hash = ? AND revoked_at IS NULL";
            Ok(connection.prepare_cached(sql)?.execute((at, hash))? == 1)
        });
        Ok(revoked.await?)
    }

    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError> {
        let name = id.to_string();
        let stored = self.database.read(move |connection| {
            let sql = "SELECT credits, requests_per_minute FROM owners WHERE id = ?";
            let mut query = connection.prepare_cached(sql)?;
            let row = query.query_row([name], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)));
            Ok(row.optional()?)
        });
        let (credits, requests_per_minute) = stored.await?.unwrap_or_default();
        let credits = credits.map(u64::try_from).transpose().map_err(StoreError::record)?;
        let requests_per_minute = requests_per_minute.map(u32::try_from).transpose().map_err(StoreError::record)?;
        Ok(Owner { id: id.clone(), credits, requests_per_minute })
    }

    async fn put_owner(&self, owner: &Owner) -> Result<(), PortError> {
        let name = owner.id.to_string();
        let credits = owner.credits.map(i64::try_from).transpose().map_err(StoreError::record)?;
        let requests_per_minute = owner.requests_per_minute;
        let put = self.database.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO owners (id, credits, requests_per_minute) VALUES (?, ?, ?)
                     ON CONFLICT (id) DO UPDATE
                     SET credits = excluded.credits, requests_per_minute = excluded.requests_per_minute",
                )?
                .execute((name, credits, requests_per_minute))?;
            Ok(())
        });
        Ok(put.await?)
    }

    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError> {
        let name = id.to_string();
        let known = self.database.read(move |connection| {
            let sql = "SELECT 1 FROM owners WHERE id = ?1 UNION ALL SELECT 1 FROM keys WHERE owner = ?1";
            Ok(connection.prepare_cached(sql)?.exists([name])?)
        });
        Ok(known.await?)
    }
}

fn key_of(row: &Row<'_>) -> Result<KeyRecord, StoreError> {
    let time = |millis| Timestamp::from_millisecond(millis).map_err(StoreError::record);
    Ok(KeyRecord {
        hash: row.get::<_, String>(0)?.parse().map_err(StoreError::record)?,
        owner: row.get::<_, String>(1)?.parse().map_err(StoreError::record)?,
        label: row.get(2)?,
        created_at: time(row.get(3)?)?,
        revoked_at: row.get::<_, Option<i64>>(4)?.map(time).transpose()?,
    })
}
