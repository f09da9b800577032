//! Settling messages.

use cutline_core::ports::{Deliveries, Receipt};
use cutline_core::usecases::Disposition;

/// Deletes or defers a message. After a failure the queue delivers it again when its visibility timeout ends.
pub(crate) async fn settle(queue: &dyn Deliveries, receipt: &Receipt, disposition: Disposition) {
    let settled = match disposition {
        Disposition::Acknowledge => queue.delete(receipt).await,
        Disposition::Defer(after) => queue.defer(receipt, after).await,
    };
    if let Err(error) = settled {
        tracing::error!(%error, "cannot delete or defer a message; it will be delivered again");
    }
}
