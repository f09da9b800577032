//! Periodic upkeep of the local stores: watching the clock, finding lost work, handling dead letters, removing expired
//! data. Whatever acts on expired times looks at the clock first.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::{Deliveries, PortError};
use cutline_core::usecases::{Disposition, Sweep, SweepReport};
use cutline_core::{Clock as _, SystemClock};
use cutline_local::{ClockKeeper, Purge, PurgeReport};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::clock::is_settled;
use super::local::LocalStores;
use super::settle::settle;
use crate::stop::StopSignal;

/// The interval of looks at the clock.
const CLOCK_INTERVAL: Duration = Duration::from_secs(5);
/// The interval of the sweep, and of the purge of expired jobs.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The interval of the search for files without a job. It lists all files.
const ORPHAN_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// The longest wait for a dead letter.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after an error of the queue; it doubles with each further error.
const ERROR_PAUSE: Duration = Duration::from_secs(2);
/// The longest of these pauses.
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(60);
/// The number of dead letters received at once.
const BATCH: usize = 10;

/// Starts all upkeep. Each kind has a task of its own: a purge of a whole day's data can take minutes, and must not
/// delay the sweep.
pub(crate) fn start(tasks: &mut JoinSet<()>, stores: &LocalStores, sweep: Sweep, stop: &StopSignal) {
    let (dead_letters, purge, clock) = (stores.queues.dead_letters.clone(), stores.purge.clone(), stores.clock.clone());
    tasks.spawn(watch_clock(clock.clone(), stop.clone()));
    tasks.spawn(handle_dead_letters(dead_letters, sweep.clone(), clock.clone(), stop.clone()));
    tasks.spawn(sweep_regularly(sweep, clock.clone(), stop.clone()));
    tasks.spawn(purge_expired_regularly(purge.clone(), clock.clone(), stop.clone()));
    tasks.spawn(purge_orphans_regularly(purge, clock, stop.clone()));
}

/// Runs `work` at this interval until the server stops. The next interval begins when `work` ends.
async fn every<F: Future<Output = ()>>(period: Duration, stop: &StopSignal, work: impl Fn() -> F) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.or(ticks.tick()).await.is_some() {
        work().await;
    }
}

async fn watch_clock(clock: Arc<ClockKeeper>, stop: StopSignal) {
    let run = || async {
        is_settled(&clock).await;
    };
    every(CLOCK_INTERVAL, &stop, run).await;
}

async fn sweep_regularly(sweep: Sweep, clock: Arc<ClockKeeper>, stop: StopSignal) {
    let run = || async {
        if !is_settled(&clock).await {
            return;
        }
        match sweep.run().await {
            Ok(report) if report == SweepReport::default() => {}
            Ok(SweepReport { resent, backlogged, requeued, failed, reminded, given_up, deleted, errors }) => {
                tracing::info!(
                    resent,
                    backlogged,
                    requeued,
                    failed,
                    reminded,
                    given_up,
                    deleted,
                    errors,
                    "sweep finished"
                );
            }
            Err(error) => tracing::error!(%error, "sweep failed"),
        }
    };
    every(SWEEP_INTERVAL, &stop, run).await;
}

/// A stop may interrupt a purge: the next one does the rest.
async fn purge_expired_regularly(purge: Purge, clock: Arc<ClockKeeper>, stop: StopSignal) {
    let run = || async {
        if !is_settled(&clock).await {
            return;
        }
        stop.or(async { log_purge("expired jobs", purge.expired(SystemClock.now()).await) }).await;
    };
    every(SWEEP_INTERVAL, &stop, run).await;
}

async fn purge_orphans_regularly(purge: Purge, clock: Arc<ClockKeeper>, stop: StopSignal) {
    let run = || async {
        if !is_settled(&clock).await {
            return;
        }
        stop.or(async { log_purge("files without a job", purge.orphans(SystemClock.now()).await) }).await;
    };
    every(ORPHAN_INTERVAL, &stop, run).await;
}

fn log_purge(of: &'static str, purged: Result<PurgeReport, PortError>) {
    match purged {
        Ok(report) if report == PurgeReport::default() => {}
        Ok(PurgeReport { jobs, sources, outputs, uploads, failed }) => {
            tracing::info!(of, jobs, sources, outputs, uploads, failed, "purge finished");
        }
        Err(error) => tracing::error!(of, %error, "purge failed"),
    }
}

/// Handles dead letters as they arrive.
async fn handle_dead_letters(
    dead_letters: Arc<dyn Deliveries>,
    sweep: Sweep,
    clock: Arc<ClockKeeper>,
    stop: StopSignal,
) {
    let mut pause = ERROR_PAUSE;
    while !stop.is_requested() {
        match stop.or(dead_letters.receive(BATCH, RECEIVE_TIMEOUT)).await {
            None => {}
            Some(Ok(deliveries)) => {
                pause = ERROR_PAUSE;
                for delivery in deliveries {
                    let disposition = match is_settled(&clock).await {
                        true => sweep.dead_letter(&delivery.body, delivery.request).await,
                        false => Disposition::Defer(sweep.env.policy.defer),
                    };
                    settle(dead_letters.as_ref(), &delivery.receipt, disposition).await;
                }
            }
            Some(Err(error)) => {
                tracing::error!(%error, ?pause, "cannot receive dead letters");
                stop.or(sleep(pause)).await;
                pause = (pause * 2).min(MAX_ERROR_PAUSE);
            }
        }
    }
}
