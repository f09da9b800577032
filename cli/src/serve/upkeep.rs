//! What is done every minute: finding lost work, dealing with dead letters, forgetting what is past its time.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::Deliveries;
use cutline_core::sweep::{Sweep, SweepReport};
use cutline_core::{Clock as _, Policy, SystemClock};
use cutline_local::{Purge, Purged};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::stop::Stop;
use super::stores::Stores;
use super::workers::settle;

/// How often the sweep and the purge of expired jobs run.
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
    tasks.spawn(every(SWEEP_EVERY, stop.clone(), sweep_and_purge(sweep.clone(), stores.purge.clone())));
    tasks.spawn(every(ORPHANS_EVERY, stop.clone(), remove_orphans(stores.purge.clone())));
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

fn sweep_and_purge(sweep: Sweep, purge: Purge) -> impl Fn() -> futures::future::BoxFuture<'static, ()> {
    move || {
        let (sweep, purge) = (sweep.clone(), purge.clone());
        Box::pin(async move {
            match sweep.run().await {
                Ok(report) if report == SweepReport::default() => {}
                Ok(report) => tracing::info!(?report, "swept"),
                Err(error) => tracing::error!(%error, "the sweep could not run"),
            }
            tell(purge.expired(SystemClock.now()).await);
        })
    }
}

fn remove_orphans(purge: Purge) -> impl Fn() -> futures::future::BoxFuture<'static, ()> {
    move || {
        let purge = purge.clone();
        Box::pin(async move { tell(purge.orphans(SystemClock.now()).await) })
    }
}

fn tell(purged: Result<Purged, cutline_core::ports::PortError>) {
    match purged {
        Ok(purged) if purged == Purged::default() => {}
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
                    let disposition = sweep.dead_letter(&delivery.body).await;
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
