//! An owner's webhook URL and secrets.

use std::sync::Arc;

use super::env::Env;
use crate::domain::ids::OwnerId;
use crate::domain::webhook::WebhookUrl;
use crate::domain::webhook_secret::{WebhookSecret, WebhookSecrets};
use crate::ports::{OwnerWebhooks, PortError, WriteError};

/// How often a rotation that conflicts with another one is tried.
const TRIES: usize = 5;

/// The use case.
#[derive(Clone)]
pub struct WebhookSettings {
    /// The settings.
    pub store: Arc<dyn OwnerWebhooks>,
    /// Time, identifiers and rules.
    pub env: Env,
}

impl WebhookSettings {
    /// Sets or removes the owner's URL. An owner without a secret gets its first one, which is returned and not shown
    /// again.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn set_url(&self, owner: &OwnerId, url: Option<&WebhookUrl>) -> Result<Option<WebhookSecret>, PortError> {
        let has_secret = !self.store.webhook_secrets(owner).await?.secrets.is_empty();
        // The secret first: a job must not get a URL whose webhooks nobody can sign.
        let secret = match url {
            Some(_) if !has_secret => Some(self.rotate(owner).await?),
            Some(_) | None => None,
        };
        self.store.set_webhook_url(owner, url).await?;
        Ok(secret)
    }

    /// Makes a new secret and returns it. The previous one signs too for another day.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store, or of the system's randomness.
    pub async fn rotate(&self, owner: &OwnerId) -> Result<WebhookSecret, PortError> {
        let secret = WebhookSecret::generate().map_err(|error| PortError::retry(error.to_string()))?;
        for _ in 0..TRIES {
            let stored = self.store.webhook_secrets(owner).await?;
            let rotated = stored.rotated(secret.clone(), self.env.clock.now());
            match self.store.put_webhook_secrets(owner, &rotated).await {
                Ok(()) => return Ok(secret),
                // A write that took effect although its answer was lost conflicts with itself.
                Err(WriteError::Conflict) if self.is_stored(owner, &secret).await? => return Ok(secret),
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(error),
            }
        }
        Err(PortError::retry("the secrets keep changing"))
    }

    /// The owner's secrets.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn secrets(&self, owner: &OwnerId) -> Result<WebhookSecrets, PortError> {
        self.store.webhook_secrets(owner).await
    }

    async fn is_stored(&self, owner: &OwnerId, secret: &WebhookSecret) -> Result<bool, PortError> {
        let stored = self.store.webhook_secrets(owner).await?;
        Ok(stored.secrets.first().is_some_and(|dated| dated.secret == *secret))
    }
}
