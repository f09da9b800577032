//! Handling one delivered message of any kind.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::{Deliveries, Receipt};
use cutline_core::usecases::Disposition;
use cutline_local::ClockKeeper;
use tokio::time::sleep;

use super::clock::is_settled;
use super::settle::settle;
use crate::stop::StopSignal;

/// Handles the deliveries of a queue.
#[derive(Clone)]
pub(crate) struct DeliveryHandler {
    pub(crate) queue: Arc<dyn Deliveries>,
    /// The clock of local stores, whose times have to fit before a lease counts as expired.
    pub(crate) clock: Option<Arc<ClockKeeper>>,
    /// How long to defer a message that could not be handled.
    pub(crate) defer: Duration,
    /// How long running work may take after a request to stop.
    pub(crate) stop_grace: Duration,
}

impl DeliveryHandler {
    /// Does the work of a message and settles it. When the server stops, the work has some time to end; then it is
    /// interrupted, and the message is visible at the next start.
    pub(crate) async fn handle(
        &self,
        receipt: &Receipt,
        work: impl Future<Output = Disposition> + Send + 'static,
        stop: &StopSignal,
    ) {
        if let Some(clock) = &self.clock
            && !is_settled(clock).await
        {
            return settle(self.queue.as_ref(), receipt, Disposition::Defer(self.defer)).await;
        }
        // A task of its own, so that a panic ends this delivery and not the worker.
        let mut work = tokio::spawn(work);
        let grace_over = async {
            stop.requested().await;
            sleep(self.stop_grace).await;
        };
        let disposition = tokio::select! {
            ended = &mut work => ended.unwrap_or_else(|error| {
                tracing::error!(%error, "worker panicked");
                Disposition::Defer(self.defer)
            }),
            () = grace_over => {
                work.abort();
                tracing::warn!("running job interrupted; it resumes at the next start");
                Disposition::Defer(Duration::ZERO)
            }
        };
        settle(self.queue.as_ref(), receipt, disposition).await;
    }
}
