//! The queue for unreadable messages.

use async_trait::async_trait;

use super::error::PortError;

/// Keeps messages that no worker can handle, for a person to look at.
#[async_trait]
pub trait Quarantine: Send + Sync {
    /// Stores the body, durably.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn park(&self, body: &str) -> Result<(), PortError>;
}
