//! The workers: each receives messages and processes their jobs.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::{Deliveries, Delivery};
use cutline_core::usecases::Process;
use cutline_local::ClockKeeper;
use tokio::time::sleep;

use super::delivery::DeliveryHandler;
use crate::stop::StopSignal;

/// The longest wait for a message. The queue wakes its workers before.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after an error of the queue; it doubles with each further error.
const ERROR_PAUSE: Duration = Duration::from_secs(2);
/// The longest of these pauses.
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(60);

/// One worker.
pub(crate) struct Worker {
    handler: DeliveryHandler,
    process: Process,
}

impl Worker {
    pub(crate) fn new(
        queue: Arc<dyn Deliveries>,
        process: Process,
        clock: Option<Arc<ClockKeeper>>,
        stop_grace: Duration,
    ) -> Self {
        let defer = process.env.policy.defer;
        Self { handler: DeliveryHandler { queue, clock, defer, stop_grace }, process }
    }

    /// Processes jobs until the server stops. A message that is received at that moment becomes visible at the
    /// next start.
    pub(crate) async fn run(self, stop: StopSignal) {
        let mut pause = ERROR_PAUSE;
        while !stop.is_requested() {
            match stop.or(self.handler.queue.receive(1, RECEIVE_TIMEOUT)).await {
                None => {}
                Some(Ok(deliveries)) => {
                    pause = ERROR_PAUSE;
                    for Delivery { receipt, body, request, .. } in deliveries {
                        let process = self.process.clone();
                        let work = async move { process.handle(&body, request).await };
                        self.handler.handle(&receipt, work, &stop).await;
                    }
                }
                Some(Err(error)) => {
                    tracing::error!(%error, ?pause, "cannot receive from the queue");
                    stop.or(sleep(pause)).await;
                    pause = (pause * 2).min(MAX_ERROR_PAUSE);
                }
            }
        }
    }
}
