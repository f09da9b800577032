//! API keys and their owners.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::keys::{CreditChange, KeyHash, KeyRecord, Owner, OwnerChange};
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::ports::{ChangeOwnerError, Keys, PortError};
use jiff::Timestamp;
use rusqlite::{Connection, Row};

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
                "SELECT hash, owner, label, created_at, revoked_at, scope FROM keys ORDER BY created_at, hash",
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

/// An owner in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOwner {
    /// Its settings.
    pub owner: Owner,
    /// How many keys it has that are not revoked.
    pub keys: u64,
}

impl LocalKeys {
    /// Every owner with settings or a key, by name.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn owners(&self) -> Result<Vec<ListedOwner>, PortError> {
        let listed = self.database.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT name, credits, requests_per_minute, webhook_url, webhook_secret_at, review,
                        (SELECT count(*) FROM keys WHERE keys.owner = name AND revoked_at IS NULL) AS keys
                 FROM (SELECT id AS name FROM owners UNION SELECT owner FROM keys)
                 LEFT JOIN owners ON owners.id = name ORDER BY name",
            )?;
            let mut rows = query.query([])?;
            let mut owners = Vec::new();
            while let Some(row) = rows.next()? {
                let id = row.get::<_, String>(0)?.parse().map_err(StoreError::record)?;
                let owner = owner_of(id, row)?;
                owners.push(ListedOwner {
                    owner,
                    keys: row.get::<_, i64>("keys")?.try_into().map_err(StoreError::record)?,
                });
            }
            Ok(owners)
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
            key.scope.as_str(),
        );
        let inserted = self.database.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO keys (hash, owner, label, created_at, revoked_at, scope) VALUES (?, ?, ?, ?, ?, ?)
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
                .prepare_cached("SELECT hash, owner, label, created_at, revoked_at, scope FROM keys WHERE hash = ?")?;
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
        let id = id.clone();
        let stored = self.database.read(move |connection| {
            let sql = "SELECT credits, requests_per_minute, webhook_url, webhook_secret_at, review FROM owners
                       WHERE id = ?";
            let mut query = connection.prepare_cached(sql)?;
            let mut rows = query.query([id.as_str()])?;
            match rows.next()? {
                Some(row) => owner_of(id, row),
                None => Ok(Owner::unlimited(id)),
            }
        });
        Ok(stored.await?)
    }

    async fn change_owner(&self, id: &OwnerId, change: OwnerChange) -> Result<(), ChangeOwnerError> {
        let (name, OwnerChange { credits, requests_per_minute, review }) = (id.to_string(), change);
        let changed = self.database.write(move |connection| {
            // First, so that a refused change changes nothing.
            if let Some(credits) = credits
                && !change_credits(connection, &name, credits)?
            {
                return Ok(false);
            }
            if let Some(limit) = requests_per_minute {
                let sql = "INSERT INTO owners (id, requests_per_minute) VALUES (?, ?)
                           ON CONFLICT (id) DO UPDATE SET requests_per_minute = excluded.requests_per_minute";
                connection.prepare_cached(sql)?.execute((&name, limit.limit()))?;
            }
            if let Some(rule) = review {
                let sql = "INSERT INTO owners (id, review) VALUES (?, ?)
                           ON CONFLICT (id) DO UPDATE SET review = excluded.review";
                let rule = serde_json::to_string(&rule).map_err(StoreError::record)?;
                connection.prepare_cached(sql)?.execute((&name, rule))?;
            }
            Ok(true)
        });
        match changed.await.map_err(PortError::from)? {
            true => Ok(()),
            false => Err(ChangeOwnerError::Credits),
        }
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

/// The owner of a row with its settings.
fn owner_of(id: OwnerId, row: &Row<'_>) -> Result<Owner, StoreError> {
    let credits: Option<i64> = row.get("credits")?;
    let limit: Option<i64> = row.get("requests_per_minute")?;
    let secret_at: Option<i64> = row.get("webhook_secret_at")?;
    let url: Option<String> = row.get("webhook_url")?;
    let review: Option<String> = row.get("review")?;
    Ok(Owner {
        id,
        credits: credits.map(u64::try_from).transpose().map_err(StoreError::record)?,
        requests_per_minute: limit.map(u32::try_from).transpose().map_err(StoreError::record)?,
        webhook_url: url.map(WebhookUrl::try_from).transpose().map_err(StoreError::record)?,
        webhook_secret_at: secret_at.map(Timestamp::from_millisecond).transpose().map_err(StoreError::record)?,
        review: review.map_or(Ok(ReviewRule::Off), |rule| serde_json::from_str(&rule)).map_err(StoreError::record)?,
    })
}

/// Changes an owner's credits, inside a write transaction. Returns false if they are not counted, or too few.
fn change_credits(connection: &Connection, owner: &str, change: CreditChange) -> Result<bool, StoreError> {
    const PUT: &str = "INSERT INTO owners (id, credits) VALUES (?1, ?2)
                       ON CONFLICT (id) DO UPDATE SET credits = excluded.credits";
    let (sql, credits) = match change {
        CreditChange::Unlimited => (PUT, None),
        CreditChange::Set(credits) => (PUT, Some(credits)),
        CreditChange::Add(more) => {
            ("UPDATE owners SET credits = credits + ?2 WHERE id = ?1 AND credits IS NOT NULL", Some(more))
        }
        CreditChange::Subtract(fewer) => {
            ("UPDATE owners SET credits = credits - ?2 WHERE id = ?1 AND credits >= ?2", Some(fewer))
        }
    };
    let credits = credits.map(i64::try_from).transpose().map_err(StoreError::record)?;
    Ok(connection.prepare_cached(sql)?.execute((owner, credits))? == 1)
}

fn key_of(row: &Row<'_>) -> Result<KeyRecord, StoreError> {
    let time = |millis| Timestamp::from_millisecond(millis).map_err(StoreError::record);
    Ok(KeyRecord {
        hash: row.get::<_, String>(0)?.parse().map_err(StoreError::record)?,
        owner: row.get::<_, String>(1)?.parse().map_err(StoreError::record)?,
        label: row.get(2)?,
        created_at: time(row.get(3)?)?,
        revoked_at: row.get::<_, Option<i64>>(4)?.map(time).transpose()?,
        scope: row.get::<_, String>(5)?.parse().map_err(StoreError::record)?,
    })
}
