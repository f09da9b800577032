//! The receiving side of the queue.

use std::time::Duration;

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::work_request::WorkRequest;

/// Identifies one delivery of a message; a later delivery of the same message has another receipt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A message as a worker receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Identifies this delivery.
    pub receipt: Receipt,
    /// The message's body, byte for byte as it was sent.
    pub body: String,
    /// The parsed body.
    pub request: WorkRequest,
    /// How many times the message was delivered, including this time.
    pub receive_count: u32,
}

/// The workers' side of a queue.
///
/// A delivered message is hidden from other workers for the queue's visibility timeout and then delivered again, until
/// it is deleted. Once it was delivered as often as the queue allows, it goes to the dead letters instead.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Receives up to `max` (1 to 10) messages, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError>;

    /// Deletes a message. Succeeds if it was deleted before, or delivered again.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError>;

    /// Makes the message visible again `after` from now, at most 12 hours; longer waits are cut. Succeeds if the
    /// message was deleted, or delivered again.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError>;
}
