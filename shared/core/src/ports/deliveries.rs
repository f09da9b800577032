//! The receiving side of the queue.

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;

/// Names one delivery of a message; a later delivery of the same message has another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A message as a worker gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names this delivery.
    pub receipt: Receipt,
    /// The message's body, as it was sent by whoever sent it.
    pub body: String,
    /// How many times the message has been delivered, this time included.
    pub receive_count: u32,
}

/// The workers' side of a queue. A delivered message is hidden from other workers for the queue's
/// visibility timeout and then delivered again, until it is deleted. A message that was delivered as often
/// as the queue allows goes to the dead letters instead of being delivered once more.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Up to `max` (1 to 10) messages, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError>;

    /// Deletes a message. Deleting it again, or after it was delivered anew, is no error.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError>;

    /// Makes the message visible again `after` from now (at most 12 hours; more is cut to that).
    /// No error where the message is gone or was delivered anew.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError>;
}
