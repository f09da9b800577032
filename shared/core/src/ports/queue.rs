//! The sending side of the queue.

use std::time::Duration;

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::message::Message;

/// Sends messages to the workers. Delivery is at least once, in any order.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message, durably, that workers receive after `delay`: at most 15 minutes; longer delays are cut.
    ///
    /// # Errors
    /// [`PortError`]. After [`PortError::Retry`] the message may have been sent.
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), PortError>;

    /// Sends the body of a received message again, unchanged and without delay.
    ///
    /// # Errors
    /// As for [`Queue::send`].
    async fn send_again(&self, body: &str) -> Result<(), PortError>;

    /// The age of the oldest message that waits for a worker; `None` if no message waits. May lag by a minute or two.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn oldest_age(&self) -> Result<Option<Duration>, PortError>;
}
