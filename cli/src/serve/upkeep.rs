//! What is done every minute: finding lost work, dealing with dead letters, forgetting what is past its time.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::Deliveries;
use cutline_core::usecases::{Sweep, SweepReport};
use cutline_core::{Clock as _, Policy, SystemClock};
use cutline_local::{Purge, PurgeReport};
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::stop::Stop;
use super::stores::Stores;
use super::workers::settle;

/// How often the sweep, and the purge of expired jobs, run.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often files that no job speaks of are looked for: that reads the names of all files.
const ORPHANS_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long one look into the dead letters lasts.
const LOOK: Duration = Duration::from_secs(60);
/// How long to wait after a fault of the queue.
const PAUSE: Duration = Duration::from_secs(2);

/// Starts all of it.
pub(crate) fn start(tasks: &mut JoinSet<()>, stores: &Stores, policy: Policy, stop: &Stop) {
    let sweep = stores.sweep(policy);
    // Each on its own: a purge of what a whole day left can take minutes, and holds up no sweep.
    tasks.spawn(every(SWEEP_EVERY, stop.clone(), sweeping(sweep.clone())));
    tasks.spawn(every(SWEEP_EVERY, stop.clone(), purging(stores.purge.clone(), stop.clone())));
    tasks.spawn(every(ORPHANS_EVERY, stop.clone(), removing_orphans(stores.purge.clone(), stop.clone())));
    tasks.spawn(bury(stores.queues.dead_letters.clone(), sweep, stop.clone()));
}

/// Runs `work` now and then at this interval, until the server is asked to stop.
async fn every<F: Future<Output = ()>>(period: Duration, stop: Stop, work: impl Fn() -> F) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.or(ticks.tick()).await.is_some() {
        work().await;
    }
}

fn sweeping(sweep: Sweep) -> impl Fn() -> BoxFuture<'static, ()> {
    move || {
        let sweep = sweep.clone();
        Box::pin(async move {
            match sweep.run().await {
                Ok(report) if report == SweepReport::default() => {}
                Ok(report) => tracing::info!(?report, "swept"),
                Err(error) => tracing::error!(%error, "the sweep could not run"),
            }
        })
    }
}

/// A purge may stop anywhere: what it has not come to is there the next time.
fn purging(purge: Purge, stop: Stop) -> impl Fn() -> BoxFuture<'static, ()> {
    move || {
        let (purge, stop) = (purge.clone(), stop.clone());
        Box::pin(async move {
            stop.or(async { tell(purge.expired(SystemClock.now()).await) }).await;
        })
    }
}

fn removing_orphans(purge: Purge, stop: Stop) -> impl Fn() -> BoxFuture<'static, ()> {
    move || {
        let (purge, stop) = (purge.clone(), stop.clone());
        Box::pin(async move {
            stop.or(async { tell(purge.orphans(SystemClock.now()).await) }).await;
        })
    }
}

fn tell(purged: Result<PurgeReport, cutline_core::ports::PortError>) {
    match purged {
        Ok(purged) if purged == PurgeReport::default() => {}
        Ok(purged) => tracing::info!(?purged, "removed what was past its time"),
        Err(error) => tracing::error!(%error, "what is past its time could not be removed"),
    }
}

/// Deals with dead letters as they come.
async fn bury(dead_letters: Arc<dyn Deliveries>, sweep: Sweep, stop: Stop) {
    while !stop.is_requested() {
        match stop.or(dead_letters.receive(10, LOOK)).await {
            None => {}
            Some(Ok(deliveries)) => {
                for delivery in deliveries {
                    let disposition = sweep.dead_letter(&delivery.body, delivery.request).await;
                    settle(dead_letters.as_ref(), &delivery.receipt, disposition).await;
                }
            }
            Some(Err(error)) => {
                tracing::error!(%error, "the dead letters could not be read");
                stop.or(sleep(PAUSE)).await;
            }
        }
    }
}
