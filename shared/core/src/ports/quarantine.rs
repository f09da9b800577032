//! The queue for messages that cannot be read.

use async_trait::async_trait;

use super::PortError;

/// Where messages go that nobody can read, for people to look at.
#[async_trait]
pub trait Quarantine: Send + Sync {
    /// Keeps the body, durably.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn park(&self, body: &str) -> Result<(), PortError>;
}
