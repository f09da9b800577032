//! Batches of messages about reports.

use std::panic::AssertUnwindSafe;

use cutline_core::ports::{Deliveries, Receipt};
use cutline_core::usecases::Disposition;
use futures::FutureExt as _;
use futures::future::join_all;

use super::batch::{BatchResponse, SqsEvent, SqsRecord};

/// Passes each message's body to `handle`, all at once, and applies the disposition as
/// [`handle_batch`](super::handle_batch) does. One slow receiver delays no other message of the batch.
pub(super) async fn handle_reports(
    event: SqsEvent,
    deliveries: &dyn Deliveries,
    handle: impl AsyncFn(&str) -> Disposition,
) -> BatchResponse {
    let handle = &handle;
    let handled = event.records.into_iter().map(async |SqsRecord { message_id, receipt_handle, body, .. }| {
        match AssertUnwindSafe(handle(&body)).catch_unwind().await {
            Ok(Disposition::Acknowledge) => return None,
            Ok(Disposition::Defer(after)) => {
                if let Err(error) = deliveries.defer(&Receipt(receipt_handle), after).await {
                    tracing::warn!(message_id, %error, "cannot change a message's visibility timeout");
                }
            }
            Err(_) => tracing::error!(message_id, "handling a message about a report panicked"),
        }
        Some(message_id)
    });
    BatchResponse::failing(join_all(handled).await.into_iter().flatten())
}
