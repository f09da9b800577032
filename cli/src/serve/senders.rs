//! The sender of reports: webhooks, and the manifests of drops.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::{Deliveries, Delivery};
use cutline_core::usecases::{Disposition, ReportSender};
use cutline_local::ClockKeeper;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::clock::is_settled;
use super::settle::settle;
use crate::stop::StopSignal;

/// The longest wait for a message. The queue wakes its senders before.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after an error of the queue; it doubles with each further error.
const ERROR_PAUSE: Duration = Duration::from_secs(2);
/// The longest of these pauses.
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(60);
/// Messages that are handled at once. A receiver has four of them at most, so dozens of slow ones delay no other.
const MAX_AT_ONCE: usize = 256;
/// Messages received at once.
const BATCH: usize = 10;
/// How long sends in progress may take after a request to stop: as long as a send takes at most.
const STOP_GRACE: Duration = Duration::from_secs(16);

/// Delivers reports until the server stops. An interrupted send is repeated after the next start.
pub(crate) async fn run(queue: Arc<dyn Deliveries>, sender: ReportSender, clock: Arc<ClockKeeper>, stop: StopSignal) {
    let slots = Arc::new(Semaphore::new(MAX_AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut pause = ERROR_PAUSE;
    while !stop.is_requested() {
        while tasks.try_join_next().is_some() {}
        let Some(Ok(first)) = stop.or(slots.clone().acquire_owned()).await else { break };
        let free = slots.available_permits() + 1;
        match stop.or(queue.receive(BATCH.min(free), RECEIVE_TIMEOUT)).await {
            None => {}
            Some(Ok(deliveries)) => {
                pause = ERROR_PAUSE;
                let mut first = Some(first);
                for delivery in deliveries {
                    // Only this task takes permits, so there is one for each.
                    let Some(slot) = first.take().or_else(|| slots.clone().try_acquire_owned().ok()) else { break };
                    let (queue, sender, clock) = (queue.clone(), sender.clone(), clock.clone());
                    tasks.spawn(async move {
                        handle(queue.as_ref(), sender, &clock, delivery).await;
                        drop(slot);
                    });
                }
            }
            Some(Err(error)) => {
                tracing::error!(%error, ?pause, "cannot receive from the queue of reports");
                stop.or(sleep(pause)).await;
                pause = (pause * 2).min(MAX_ERROR_PAUSE);
            }
        }
    }
    let in_progress = async { while tasks.join_next().await.is_some() {} };
    if timeout(STOP_GRACE, in_progress).await.is_err() {
        tracing::warn!("reports in progress interrupted; they are sent again after the next start");
    }
}

async fn handle(queue: &dyn Deliveries, sender: ReportSender, clock: &ClockKeeper, delivery: Delivery) {
    let defer = Disposition::Defer(sender.env.policy.defer);
    let disposition = if is_settled(clock).await {
        // A task of its own, so that a panic settles this message.
        let work = tokio::spawn(async move { sender.handle(&delivery.body).await });
        work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "sender of reports panicked");
            defer
        })
    } else {
        defer
    };
    settle(queue, &delivery.receipt, disposition).await;
}
