//! One simulation, from its first event to the last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutline_core::JobId;
use cutline_core::domain::job::Route;
use cutline_core::ports::Keys as _;
use tokio::time::{Instant, sleep};

use crate::clock::block_on;
use crate::delays::Delay;
use crate::lambda::{FunctionCounts, FunctionRules};
use crate::ledger::{Entry, Kind, Left};
use crate::load::{drop_files, drop_path, send_requests};
use crate::network::Traffic;
use crate::settings::Settings;
use crate::sqs::QueueCounts;
use crate::world::{CREDITS, World};

/// How often the simulation looks whether it is over.
const LOOK: Duration = Duration::from_secs(10);
/// How long everything may take beyond the estimate, and beyond the last picture: reports of drops are tried again for hours.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// What happened.
pub(crate) struct Outcome {
    /// From the drops to the end of the last one's job.
    pub(crate) backfill: Duration,
    /// Until everything was quiet.
    pub(crate) duration: Duration,
    pub(crate) jobs: BTreeMap<JobId, Entry>,
    /// The jobs of the requests that were answered.
    pub(crate) accepted: Vec<JobId>,
    /// Times in each queue, sorted.
    pub(crate) queue_times: Vec<(Route, Vec<Duration>)>,
    pub(crate) left: Left,
    /// The job that the sweep was behind with for the longest time.
    pub(crate) delay: Option<Delay>,
    pub(crate) sweeps: Vec<(&'static str, u64)>,
    pub(crate) queues: Vec<(&'static str, QueueCounts, usize)>,
    pub(crate) functions: Vec<(FunctionRules, FunctionCounts)>,
    pub(crate) traffic: Traffic,
    /// Writes of records.
    pub(crate) writes: u64,
    /// Credits that are missing, of all owners: those of the jobs that were paid for.
    pub(crate) credits_spent: u64,
    /// Dropped files without a manifest.
    pub(crate) without_manifest: u64,
    /// Broken rules, and how many more there are.
    pub(crate) violations: (Vec<String>, u64),
}

/// Runs a simulation.
pub(crate) fn run(settings: &Settings) -> Outcome {
    block_on(simulate(settings))
}

async fn simulate(settings: &Settings) -> Outcome {
    let world = World::new(settings).await;
    let begun = Instant::now();
    drop_files(&world, settings.drops);
    world.start(settings);
    let stop = Arc::new(AtomicBool::default());
    let requests = tokio::spawn(send_requests(world.clone(), stop.clone()));
    let estimate = settings.backfill().estimate(settings.bulk_concurrency, 0).time;
    let has_ended = |left: &Left| left.drops >= settings.drops && left.open_drops == 0;
    wait_until(&world, estimate * 2 + PATIENCE, |world| has_ended(&world.ledger.left())).await;
    let backfill = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let accepted = requests.await.expect("clients do not panic");
    wait_until(&world, PATIENCE, is_quiet).await;
    outcome(&world, settings, backfill, accepted).await
}

async fn wait_until(world: &World, patience: Duration, is_over: impl Fn(&World) -> bool) {
    let end = Instant::now() + patience;
    while !is_over(world) && Instant::now() < end {
        sleep(LOOK).await;
    }
}

fn is_quiet(world: &World) -> bool {
    let Left { open, owing, .. } = world.ledger.left();
    open == 0 && owing == 0 && world.queues.all().iter().all(|queue| queue.len() == 0)
}

async fn outcome(world: &World, settings: &Settings, backfill: Duration, accepted: Vec<JobId>) -> Outcome {
    let mut credits_spent = 0;
    for owner in world.owners.all() {
        let left = world.store.owner(owner).await.expect("memory has no faults").credits.unwrap_or(0);
        credits_spent += CREDITS.saturating_sub(left);
    }
    let has_manifest = |number| world.drop_files.get(&drop_path(number).result("manifest.json")).is_some();
    let without_manifest = (0..settings.drops).filter(|number| !has_manifest(*number)).count() as u64;
    let queue_times = Route::ALL.map(|route| (route, sorted(world.queue_times.of(route))));
    let sweeps = &world.sweeps;
    let sweeps = [
        ("sweeps", &sweeps.sweeps),
        ("incomplete sweeps", &sweeps.incomplete),
        ("messages sent again", &sweeps.resent),
        ("looks at jobs behind a backlog", &sweeps.backlogged),
        ("jobs queued again", &sweeps.requeued),
        ("jobs failed by the sweep", &sweeps.failed),
        ("reports sent again", &sweeps.reminded),
        ("reports given up", &sweeps.given_up),
    ];
    Outcome {
        backfill,
        duration: world.clock.elapsed(),
        jobs: world.ledger.jobs(),
        accepted,
        queue_times: queue_times.into(),
        left: world.ledger.left(),
        delay: world.ledger.longest_delay(),
        sweeps: sweeps.map(|(name, counter)| (name, counter.load(Ordering::Relaxed))).into(),
        queues: world.queues.all().iter().map(|queue| (queue.name, queue.counts(), queue.len())).collect(),
        functions: world.functions.all().iter().map(|function| (function.rules, function.counts())).collect(),
        traffic: world.network.traffic(),
        writes: world.ledger.writes(),
        credits_spent,
        without_manifest,
        violations: world.ledger.violations(),
    }
}

impl Outcome {
    /// The jobs of one kind.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.jobs.values().filter(move |entry| entry.kind == kind)
    }

    /// The longest time that a due job waited for the sweep to look at it.
    pub(crate) fn sweep_lag(&self) -> Duration {
        self.delay.as_ref().map_or(Duration::ZERO, |delay| delay.lag)
    }

    /// How long the jobs of these kinds waited in queues, sorted.
    pub(crate) fn waits(&self, kinds: &[Kind]) -> Vec<Duration> {
        let own = self.jobs.values().filter(|entry| kinds.contains(&entry.kind) && entry.end.is_some());
        sorted(own.map(|entry| entry.waited).collect())
    }

    /// How long after a job's end its reports were delivered, sorted.
    pub(crate) fn report_delays(&self, kinds: &[Kind]) -> Vec<Duration> {
        let own = self.jobs.values().filter(|entry| kinds.contains(&entry.kind));
        let delay = |entry: &Entry| Some((entry.reported_at?, entry.end?.0));
        sorted(own.filter_map(delay).map(|(at, end)| at.duration_since(end).unsigned_abs()).collect())
    }
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

/// The quantile of sorted times; zero without times.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(index.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}
