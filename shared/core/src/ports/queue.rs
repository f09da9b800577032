//! The sending side of the queues.

use std::time::Duration;

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::ids::OwnerId;
use crate::domain::job::{Job, Route};
use crate::domain::message::Message;

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The queue.
    pub route: Route,
    /// The job's owner. Messages of one owner wait for each other rather than for those of others.
    pub owner: &'a OwnerId,
}

impl<'a> Destination<'a> {
    /// The destination of a job's messages.
    pub fn of(job: &'a Job) -> Self {
        Self { route: job.route(), owner: &job.owner }
    }
}

/// Sends messages to the workers. Delivery is at least once, in any order.
///
/// Each lane has a queue for each stage. Where workers share a stage's lanes, live messages go before bulk ones, and
/// within a lane the owner that was served longest ago goes first. How strictly, depends on the adapter.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message, durably, that workers receive after `delay`: at most 15 minutes; longer delays are cut.
    ///
    /// # Errors
    /// [`PortError`]. After [`PortError::Retry`] the message may have been sent.
    async fn send(&self, message: &Message, to: Destination<'_>, delay: Duration) -> Result<(), PortError>;

    /// Sends the body of a received message about dropped files to [`Route::DROPS`], unchanged and without delay.
    ///
    /// # Errors
    /// As for [`Queue::send`].
    async fn send_again(&self, body: &str) -> Result<(), PortError>;

    /// The age of the oldest message that waits for a worker in this queue; `None` if no message waits. May lag by a
    /// minute or two.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn oldest_age(&self, route: Route) -> Result<Option<Duration>, PortError>;

    /// The number of messages in this queue, waiting or not. May be off by what was sent and deleted in the last minute.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the queue.
    async fn length(&self, route: Route) -> Result<u64, PortError>;
}
