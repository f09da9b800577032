//! The workers: each takes a message, has its job worked on, and says what becomes of the message.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::{Deliveries, Delivery};
use cutline_core::usecases::{Disposition, Process};
use tokio::time::sleep;

use super::stop::Stop;

/// How long one look into the queue lasts. The queue wakes its workers; this only bounds the wait.
const LOOK: Duration = Duration::from_secs(60);
/// How long to wait after a fault of the queue.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a running job may take once the server is asked to stop. A photo takes a few seconds.
const GRACE: Duration = Duration::from_secs(25);

/// One worker.
pub(crate) struct Worker {
    queue: Arc<dyn Deliveries>,
    process: Process,
}

impl Worker {
    pub(crate) fn new(queue: Arc<dyn Deliveries>, process: Process) -> Self {
        Self { queue, process }
    }

    /// Works until it is asked to stop. A message that is taken just then is released at the next start.
    pub(crate) async fn run(self, stop: Stop) {
        while !stop.is_requested() {
            match stop.or(self.queue.receive(1, LOOK)).await {
                None => {}
                Some(Ok(deliveries)) => {
                    for delivery in deliveries {
                        self.work_on(delivery, &stop).await;
                    }
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "the queue could not be read");
                    stop.or(sleep(PAUSE)).await;
                }
            }
        }
    }

    async fn work_on(&self, delivery: Delivery, stop: &Stop) {
        let process = self.process.clone();
        // A task of its own, so that a panic ends this delivery and not the worker.
        let mut work = tokio::spawn(async move { process.handle(delivery.request).await });
        let over = async {
            stop.requested().await;
            sleep(GRACE).await;
        };
        let disposition = tokio::select! {
            ended = &mut work => ended.unwrap_or_else(|error| {
                tracing::error!(%error, "a worker panicked");
                Disposition::Defer(self.process.env.policy.defer)
            }),
            () = over => {
                work.abort();
                tracing::warn!("a running job was interrupted; it goes on at the next start");
                Disposition::Defer(Duration::ZERO)
            }
        };
        settle(self.queue.as_ref(), &delivery.receipt, disposition).await;
    }
}

/// Does with a message what was found to be right. If that fails, the message comes again by itself.
pub(crate) async fn settle(queue: &dyn Deliveries, receipt: &cutline_core::ports::Receipt, disposition: Disposition) {
    let settled = match disposition {
        Disposition::Acknowledge => queue.delete(receipt).await,
        Disposition::Defer(after) => queue.defer(receipt, after).await,
    };
    if let Err(error) = settled {
        tracing::error!(%error, "a message could not be deleted or put off; it will come again");
    }
}
