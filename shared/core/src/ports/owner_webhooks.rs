//! The store of owners' webhook settings and secrets.

use async_trait::async_trait;

use super::error::{PortError, WriteError};
use crate::domain::ids::OwnerId;
use crate::domain::webhook::WebhookUrl;
use crate::domain::webhook_secret::WebhookSecrets;

/// The webhook URLs of owners, and the secrets that sign their webhooks. A URL is part of the owner's settings; secrets are
/// a record of their own, which only senders and operators read.
#[async_trait]
pub trait OwnerWebhooks: Send + Sync {
    /// The owner's secrets; empty, with version 0, if none were stored.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn webhook_secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError>;

    /// Stores the secrets, if the stored version is `secrets.version - 1`, and notes in the same transaction when the newest
    /// one was made: [`Owner::webhook_secret_at`](crate::domain::keys::Owner::webhook_secret_at). Creates missing settings.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the stored version differs. Nothing was changed then.
    async fn put_webhook_secrets(&self, owner: &OwnerId, secrets: &WebhookSecrets) -> Result<(), WriteError>;

    /// Sets or removes the owner's URL. Creates missing settings, and leaves all others as they are.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn set_webhook_url(&self, owner: &OwnerId, url: Option<&WebhookUrl>) -> Result<(), PortError>;
}
