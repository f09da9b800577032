//! Webhook settings and secrets of owners. The database's file is readable by its owner alone.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::webhook::WebhookUrl;
use cutline_core::domain::webhook_secret::WebhookSecrets;
use cutline_core::ports::{OwnerWebhooks, PortError, WriteError};
use jiff::Timestamp;
use rusqlite::OptionalExtension as _;

use crate::database::Database;
use crate::error::StoreError;

/// [`OwnerWebhooks`] in the database.
#[derive(Clone)]
pub struct LocalWebhooks {
    database: Database,
}

impl LocalWebhooks {
    /// The settings in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl OwnerWebhooks for LocalWebhooks {
    async fn webhook_secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError> {
        let owner = owner.to_string();
        let document = self.database.read(move |connection| {
            let mut query = connection.prepare_cached("SELECT document FROM webhook_secrets WHERE owner = ?")?;
            Ok(query.query_row([owner], |row| row.get::<_, String>(0)).optional()?)
        });
        match document.await? {
            // Without the cause, which could show a secret.
            Some(document) => {
                Ok(serde_json::from_str(&document).map_err(|_| StoreError::record("unreadable secrets"))?)
            }
            None => Ok(WebhookSecrets::default()),
        }
    }

    async fn put_webhook_secrets(&self, owner: &OwnerId, secrets: &WebhookSecrets) -> Result<(), WriteError> {
        let owner = owner.to_string();
        let version = i64::try_from(secrets.version).map_err(StoreError::record)?;
        let document = serde_json::to_string(secrets).map_err(StoreError::record)?;
        let created_at = secrets.created_at().map(Timestamp::as_millisecond);
        let stored = self.database.write(move |connection| {
            let sql = "SELECT version FROM webhook_secrets WHERE owner = ?";
            let stored: Option<i64> =
                connection.prepare_cached(sql)?.query_row([&owner], |row| row.get(0)).optional()?;
            if stored.unwrap_or(0) + 1 != version {
                return Ok(false);
            }
            let sql = "INSERT OR REPLACE INTO webhook_secrets (owner, version, document) VALUES (?, ?, ?)";
            connection.prepare_cached(sql)?.execute((&owner, version, document))?;
            let sql = "INSERT INTO owners (id, webhook_secret_at) VALUES (?, ?)
                       ON CONFLICT (id) DO UPDATE SET webhook_secret_at = excluded.webhook_secret_at";
            connection.prepare_cached(sql)?.execute((&owner, created_at))?;
            Ok(true)
        });
        if stored.await? { Ok(()) } else { Err(WriteError::Conflict) }
    }

    async fn set_webhook_url(&self, owner: &OwnerId, url: Option<&WebhookUrl>) -> Result<(), PortError> {
        let row = (owner.to_string(), url.cloned().map(String::from));
        let set = self.database.write(move |connection| {
            let sql = "INSERT INTO owners (id, webhook_url) VALUES (?, ?)
                       ON CONFLICT (id) DO UPDATE SET webhook_url = excluded.webhook_url";
            connection.prepare_cached(sql)?.execute(row)?;
            Ok(())
        });
        Ok(set.await?)
    }
}
