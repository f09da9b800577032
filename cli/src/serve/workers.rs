//! The workers: each receives messages and processes their jobs.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::{Deliveries, Delivery};
use cutline_core::usecases::{Disposition, Process};
use cutline_local::ClockKeeper;
use tokio::time::sleep;

use super::clock::is_settled;
use super::settle::settle;
use super::stop::StopSignal;

/// The longest wait for a message. The queue wakes its workers before.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after an error of the queue; it doubles with each further error.
const ERROR_PAUSE: Duration = Duration::from_secs(2);
/// The longest of these pauses.
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(60);
/// How long a running job may take after a request to stop. A photo takes a few seconds.
const STOP_GRACE: Duration = Duration::from_secs(25);

/// One worker.
pub(crate) struct Worker {
    queue: Arc<dyn Deliveries>,
    process: Process,
    /// The clock of local stores, whose times have to fit before a lease counts as expired.
    clock: Option<Arc<ClockKeeper>>,
}

impl Worker {
    pub(crate) fn new(queue: Arc<dyn Deliveries>, process: Process, clock: Option<Arc<ClockKeeper>>) -> Self {
        Self { queue, process, clock }
    }

    /// Processes jobs until the server stops. A message that is received at that moment becomes visible at the
    /// next start.
    pub(crate) async fn run(self, stop: StopSignal) {
        let mut pause = ERROR_PAUSE;
        while !stop.is_requested() {
            match stop.or(self.queue.receive(1, RECEIVE_TIMEOUT)).await {
                None => {}
                Some(Ok(deliveries)) => {
                    pause = ERROR_PAUSE;
                    for delivery in deliveries {
                        self.handle(delivery, &stop).await;
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

    async fn handle(&self, delivery: Delivery, stop: &StopSignal) {
        if let Some(clock) = &self.clock
            && !is_settled(clock).await
        {
            let disposition = Disposition::Defer(self.process.env.policy.defer);
            return settle(self.queue.as_ref(), &delivery.receipt, disposition).await;
        }
        let process = self.process.clone();
        // A task of its own, so that a panic ends this delivery and not the worker.
        let mut work = tokio::spawn(async move { process.handle(delivery.request).await });
        let grace_over = async {
            stop.requested().await;
            sleep(STOP_GRACE).await;
        };
        let disposition = tokio::select! {
            ended = &mut work => ended.unwrap_or_else(|error| {
                tracing::error!(%error, "worker panicked");
                Disposition::Defer(self.process.env.policy.defer)
            }),
            () = grace_over => {
                work.abort();
                tracing::warn!("running job interrupted; it resumes at the next start");
                Disposition::Defer(Duration::ZERO)
            }
        };
        settle(self.queue.as_ref(), &delivery.receipt, disposition).await;
    }
}
