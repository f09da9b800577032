//! The sending side of the queue.

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;
use crate::domain::message::Message;

/// Sends messages to the workers. Delivery is at least once, in no certain order.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message that workers see after `delay` (at most 15 minutes; more is cut to that). When this
    /// returns, the message is stored durably.
    ///
    /// # Errors
    /// [`PortError`]; after [`PortError::Retry`] the message may have been sent all the same.
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), PortError>;

    /// Sends a message that somebody else sent before, as it is, to be seen at once.
    ///
    /// # Errors
    /// As for [`Queue::send`].
    async fn send_again(&self, body: &str) -> Result<(), PortError>;

    /// How long the oldest message that no worker has taken yet has been waiting; `None` if none waits.
    /// May be a minute or two behind.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn oldest_age(&self) -> Result<Option<Duration>, PortError>;
}
