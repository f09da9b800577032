//! The sending side of the reports queue.

use std::time::Duration;

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::report_message::ReportMessage;

/// Sends messages to the senders of reports. Delivery is at least once, in any order. A message may also be lost: the job's
/// record says when the sweep sends it again.
#[async_trait]
pub trait ReportQueue: Send + Sync {
    /// Sends a message, durably, that senders receive after `delay`: at most 15 minutes; longer delays are cut.
    ///
    /// # Errors
    /// [`PortError`]. After [`PortError::Retry`] the message may have been sent.
    async fn send_report(&self, message: &ReportMessage, delay: Duration) -> Result<(), PortError>;
}
