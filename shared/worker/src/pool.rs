//! The pool of children.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cutline_core::ports::{ImageWorkers, PipelineInput, PipelineOutput, Progress};
use cutline_core::{Fault, OwnerId};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::command::{ChildArgs, WorkerCommand};
use crate::faults::not_started;
use crate::limits::RunLimits;
use crate::memory_budget::MemoryBudget;
use crate::process::{RunError, StartError, WorkerProcess};

/// The settings of a pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// How to start a child.
    pub command: WorkerCommand,
    /// The number of children, and so of runs at the same time.
    pub workers: usize,
    /// The memory that runs share.
    pub budget: Arc<MemoryBudget>,
    /// The limits of a run.
    pub limits: RunLimits,
}

impl PoolSettings {
    /// This program with one child, which may use all memory.
    ///
    /// # Errors
    /// Those of [`WorkerCommand::this_program`].
    pub fn for_one(args: &ChildArgs) -> std::io::Result<Self> {
        let command = WorkerCommand::this_program(args)?;
        Ok(Self { command, workers: 1, budget: MemoryBudget::new(None), limits: RunLimits::default() })
    }
}

/// Runs pictures in children, one at a time each. A child that is lost is replaced at once.
pub struct WorkerPool {
    shared: Arc<Shared>,
    version: String,
}

struct Shared {
    settings: PoolSettings,
    /// A permit for each child that may exist. Whoever holds one owns at most one child that is not idle.
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<WorkerProcess>>,
}

impl WorkerPool {
    /// Starts the first child, and the others in the background.
    ///
    /// # Errors
    /// [`StartError`] of the first child.
    pub async fn start(settings: PoolSettings) -> Result<Self, StartError> {
        let first = WorkerProcess::start(&settings.command, settings.limits).await?;
        let version = first.version().to_owned();
        let workers = settings.workers.max(1);
        let (slots, idle) = (Arc::new(Semaphore::new(workers)), Mutex::new(vec![first]));
        let shared = Arc::new(Shared { settings, slots, idle });
        for _ in 1..workers {
            tokio::spawn(Arc::clone(&shared).refill());
        }
        Ok(Self { shared, version })
    }
}

#[async_trait]
impl ImageWorkers for WorkerPool {
    async fn run(
        &self,
        owner: &OwnerId,
        input: PipelineInput,
        progress: &Progress<'_>,
    ) -> Result<PipelineOutput, Fault> {
        let mut busy = BusyWorker::take(&self.shared, owner).await?;
        let Some(worker) = &mut busy.worker else { return Err(not_started()) };
        match worker.run(owner, input, progress, &self.shared.settings.budget).await {
            Ok(output) => {
                busy.put_back();
                Ok(output)
            }
            Err(RunError::Fault(fault)) => {
                busy.put_back();
                Err(fault)
            }
            Err(RunError::Refused(fault)) => {
                if let Some(mut worker) = busy.worker.take() {
                    worker.kill().await;
                }
                Err(fault)
            }
            Err(RunError::Lost(loss)) => match busy.worker.take() {
                Some(worker) => Err(worker.bury(loss).await),
                None => Err(not_started()),
            },
        }
    }

    fn version(&self) -> &str {
        &self.version
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<WorkerProcess>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle child that still runs and has seen no pictures of another owner. If there are only others, one of them
    /// makes room.
    async fn idle_for(&self, owner: &OwnerId) -> Option<WorkerProcess> {
        loop {
            let (mut worker, is_free) = {
                let mut idle = self.idle();
                let at = idle.iter().position(|worker| worker.is_free_for(owner));
                let last = idle.len().checked_sub(1)?;
                (idle.swap_remove(at.unwrap_or(last)), at.is_some())
            };
            match worker.is_running() {
                true if is_free => return Some(worker),
                true => {
                    worker.kill().await;
                    return None;
                }
                false => tracing::warn!("idle image worker died"),
            }
        }
    }

    /// Starts a child for a free slot, so that the next run does not wait for it.
    async fn refill(self: Arc<Self>) {
        let Ok(_slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
        // Each free slot, and this one, may have its idle child.
        if self.idle().len() > self.slots.available_permits() {
            return;
        }
        match WorkerProcess::start(&self.settings.command, self.settings.limits).await {
            Ok(worker) => self.idle().push(worker),
            // The next run tries again.
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "cannot replace an image worker"),
        }
    }
}

/// A child during a run. Dropped before the run is over, it is killed, and its slot is free once it has ended.
struct BusyWorker {
    shared: Arc<Shared>,
    worker: Option<WorkerProcess>,
    slot: Option<OwnedSemaphorePermit>,
}

impl BusyWorker {
    /// Waits for a slot, and takes an idle child or starts one.
    async fn take(shared: &Arc<Shared>, owner: &OwnerId) -> Result<Self, Fault> {
        let slot = Arc::clone(&shared.slots).acquire_owned().await.map_err(|_| not_started())?;
        let worker = match shared.idle_for(owner).await {
            Some(worker) => worker,
            None => WorkerProcess::start(&shared.settings.command, shared.settings.limits).await.map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot start an image worker");
                not_started()
            })?,
        };
        Ok(Self { shared: Arc::clone(shared), worker: Some(worker), slot: Some(slot) })
    }

    /// Returns the child to the pool.
    fn put_back(&mut self) {
        if let Some(mut worker) = self.worker.take_if(|worker| !worker.is_bloated()) {
            worker.rest();
            self.shared.idle().push(worker);
        }
        self.slot = if self.worker.is_some() { self.slot.take() } else { None };
    }
}

impl Drop for BusyWorker {
    fn drop(&mut self) {
        // Without a slot, the child is back in the pool.
        let Some(slot) = self.slot.take() else { return };
        let (shared, mut worker) = (Arc::clone(&self.shared), self.worker.take());
        // At once: the task may run much later, after a function was frozen for example.
        if let Some(worker) = &mut worker {
            worker.start_kill();
        }
        // Without a runtime, the program is ending; dropping the child kills it.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Some(mut worker) = worker {
                worker.kill().await;
            }
            drop(slot);
            shared.refill().await;
        });
    }
}
