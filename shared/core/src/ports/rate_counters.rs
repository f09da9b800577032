//! Counters of requests.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::PortError;
use crate::domain::ids::OwnerId;

/// Counts each owner's requests in windows of time.
///
/// Other than the rest of the ports, a count need not be durable: after a crash, a window may begin again at zero. A call
/// that ends in [`PortError::Retry`] may have counted, once or more often.
#[async_trait]
pub trait RateCounters: Send + Sync {
    /// Adds one to the owner's counter of the window that begins at `window`, and returns the new value. The first call
    /// returns 1. Concurrent calls return different values. The store forgets a counter some time after its window.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn count(&self, owner: &OwnerId, window: Timestamp) -> Result<u64, PortError>;
}
