//! A pool, and a look at its children.

use std::fs;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cutline_core::ports::{ImageWorkers as _, PipelineInput, PipelineOutput};
use cutline_core::{Fault, Mode, OwnerId};
use cutline_worker::{MemoryBudget, PoolSettings, RunLimits, SUBCOMMAND, WorkerCommand, WorkerPool};
use rustix::process::{Pid, Signal, kill_process};

/// Long enough for any machine, but not forever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// The processor time, in ticks, that an idle child may take within a pause.
const IDLE_TICKS: u64 = 2;
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct World {
    pub(crate) pool: Arc<WorkerPool>,
    pub(crate) budget: Arc<MemoryBudget>,
}

pub(crate) fn settings(workers: usize, limits: RunLimits) -> PoolSettings {
    let program = std::env::current_exe().expect("this program has a file");
    let budget = MemoryBudget::new(Some(1000 << 20));
    PoolSettings { command: WorkerCommand::new(program, [SUBCOMMAND, "models"]), workers, budget, limits }
}

impl World {
    pub(crate) async fn new(workers: usize) -> Self {
        Self::with_limits(workers, RunLimits::default()).await
    }

    pub(crate) async fn with_limits(workers: usize, limits: RunLimits) -> Self {
        let settings = settings(workers, limits);
        let budget = Arc::clone(&settings.budget);
        let pool = Arc::new(WorkerPool::start(settings).await.expect("starts"));
        let world = Self { pool, budget };
        world.until(|world| world.children().len() == workers).await;
        world
    }

    pub(crate) async fn run(&self, source: impl Into<Vec<u8>>) -> Result<PipelineOutput, Fault> {
        run(&self.pool, source).await
    }

    /// The answer to a script.
    pub(crate) async fn answer(&self, source: &str) -> String {
        let output = self.run(source).await.expect("is made");
        String::from_utf8_lossy(&output.pictures[0].bytes).into_owned()
    }

    /// The children of this process that are alive, in the order of their start.
    pub(crate) fn children(&self) -> Vec<Child> {
        // The tests run one at a time, each with its own pool.
        children()
    }

    /// The only child.
    pub(crate) fn child(&self) -> Child {
        let children = self.children();
        assert_eq!(children.len(), 1, "{children:?}");
        children[0]
    }

    pub(crate) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !condition(self) {
            assert!(begun.elapsed() < PATIENCE, "never happened; the children are {:?}", self.children());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the child of `before` is gone, and another one is there.
    pub(crate) async fn until_replaced(&self, before: Child) {
        self.until(|world| !before.is_alive() && world.children().len() == 1 && !world.children().contains(&before))
            .await;
    }

    /// Waits until nothing is left of the child `before`, and another one idles in its place.
    pub(crate) async fn until_idle(&self, before: Child) {
        self.until_replaced(before).await;
        self.until(|_| !before.exists()).await;
        let (child, begun) = (self.child(), Instant::now());
        loop {
            let ticks = child.ticks();
            tokio::time::sleep(PAUSE).await;
            if child.ticks() <= ticks + IDLE_TICKS {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "the new child computes without a picture");
        }
        assert_eq!(self.child(), child);
    }
}

/// Waits until the children of a pool that was dropped are gone, so that the next check sees its own alone.
pub(crate) async fn until_childless() {
    while !children().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The children of this process that are alive, in the order of their start. The kernel's own list of a thread's
/// children misses some while others end, so every process is asked for its parent.
fn children() -> Vec<Child> {
    let processes = fs::read_dir("/proc").expect("is listed");
    let pids = processes.filter_map(|process| process.ok()?.file_name().to_str()?.parse().ok());
    let mut children: Vec<Child> = pids.map(Child).filter(|child| child.is_ours() && child.is_alive()).collect();
    children.sort_by_key(|child| child.0);
    children
}

pub(crate) fn owner(name: &str) -> OwnerId {
    name.parse().expect("a name")
}

pub(crate) async fn run(pool: &WorkerPool, source: impl Into<Vec<u8>>) -> Result<PipelineOutput, Fault> {
    pool.run(&owner("shop"), PipelineInput::new(source.into(), Mode::Background), &|_, _| {}).await
}

/// A child, by its process id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Child(i32);

impl Child {
    pub(crate) fn signal(self, signal: Signal) {
        kill_process(Pid::from_raw(self.0).expect("a pid"), signal).expect("is sent");
    }

    pub(crate) fn signal_if_alive(self, signal: Signal) {
        // An error means that it has ended.
        let _ = kill_process(Pid::from_raw(self.0).expect("a pid"), signal);
    }

    fn stat(self) -> Option<Vec<String>> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        let (_, fields) = text.rsplit_once(')')?;
        Some(fields.split_whitespace().map(str::to_owned).collect())
    }

    fn is_ours(self) -> bool {
        self.stat().is_some_and(|fields| fields[1] == std::process::id().to_string())
    }

    /// Whether it is in the table of processes.
    fn exists(self) -> bool {
        self.stat().is_some()
    }

    fn is_alive(self) -> bool {
        self.stat().is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
    }

    /// Whether all of its threads have ended, so that its parent learns of its end. The main thread ends first and waits
    /// for the others.
    pub(crate) fn has_ended(self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).into_iter().flatten();
        !self.is_alive() && threads.count() <= 1
    }

    /// The processor time that it has used, in ticks.
    fn ticks(self) -> u64 {
        self.stat().map_or(0, |fields| fields[11..=12].iter().map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum())
    }
}

/// The result of `work`, and the time that it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (work.await, begun.elapsed())
}
