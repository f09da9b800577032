//! One child, seen from its parent.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::ports::{EvidenceUse, PipelineInput, PipelineOutput, Progress};
use cutline_core::{Fault, OwnerId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::address_space::AddressSpace;
use crate::command::WorkerCommand;
use crate::faults::{Death, Loss, fault_of, no_room};
use crate::limits::RunLimits;
use crate::log::ChildLog;
use crate::memory_budget::{MemoryBudget, Reservation, keep_while_in_use};
use crate::message::{DoneHead, FaultHead, JobHead, Needs, NotReady, ProgressHead, Ready};
use crate::protocol::{Frame, FrameKind, PREFIX, Prefix};

/// The size of the pipes in bytes. Larger ones take fewer switches between the processes.
const PIPE: usize = 1 << 20;
/// The most that is written before the child has to take some of it, in bytes.
const CHUNK: usize = 1 << 20;
/// How long a killed child may take to end.
const DEATH: Duration = Duration::from_secs(1);

/// Why no child could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system did not start it.
    #[error("cannot start an image worker")]
    Spawn(#[source] io::Error),
    /// It could not load the models.
    #[error("{0}")]
    Load(String),
    /// It ended, or said nothing.
    #[error("the image worker did not start; the log has its last words")]
    NotReady,
}

/// A child that has loaded its models.
pub(crate) struct WorkerProcess {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: ChildLog,
    memory: AddressSpace,
    limits: RunLimits,
    version: String,
    /// The owner whose pictures it has seen.
    owner: Option<OwnerId>,
    /// The memory of the current run. It is returned once the run has ended or the process is dead.
    reservation: Option<Reservation>,
}

/// Why a run has no output.
pub(crate) enum RunError {
    /// The pipeline's fault. The child is ready for the next run.
    Fault(Fault),
    /// There is no room for the picture. The child waits for its start.
    Refused(Fault),
    /// The child is lost.
    Lost(Loss),
}

impl From<Loss> for RunError {
    fn from(loss: Loss) -> Self {
        Self::Lost(loss)
    }
}

impl WorkerProcess {
    /// Starts a child, and waits until it has loaded its models.
    pub(crate) async fn start(command: &WorkerCommand, limits: RunLimits) -> Result<Self, StartError> {
        let mut child = command.build().spawn().map_err(StartError::Spawn)?;
        let (Some(input), Some(output), Some(stderr), Some(pid)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id())
        else {
            return Err(StartError::NotReady);
        };
        enlarge(&input);
        enlarge(&output);
        let (log, memory) = (ChildLog::forward(pid, stderr), AddressSpace::new(pid));
        let (output, version, owner, reservation) = (BufReader::new(output), String::new(), None, None);
        let mut worker = Self { child, input, output, log, memory, limits, version, owner, reservation };
        worker.limits.max_silence = limits.max_start;
        let frame = timeout(limits.max_start, worker.read(0)).await;
        let frame = frame.unwrap_or(Err(Loss::Silent)).map_err(|_| StartError::NotReady)?;
        worker.limits.max_silence = limits.max_silence;
        match frame.kind {
            FrameKind::Ready => {
                let Ready { version, unconfined } = parse(&frame.head).map_err(|_| StartError::NotReady)?;
                if let Some(reason) = unconfined {
                    tracing::warn!(worker = pid, reason, "image worker keeps its rights to open files and sockets");
                }
                worker.version = version;
                worker.memory.started();
                Ok(worker)
            }
            FrameKind::NotReady => {
                let NotReady { reason } = parse(&frame.head).map_err(|_| StartError::NotReady)?;
                Err(StartError::Load(reason))
            }
            _ => Err(StartError::NotReady),
        }
    }

    /// The version of its pipeline.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Whether it still runs. An idle child may have been killed meanwhile.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it holds so much memory between runs that a new child is better.
    pub(crate) fn is_bloated(&self) -> bool {
        self.memory.is_bloated()
    }

    /// Whether it has seen no pictures of another owner.
    pub(crate) fn is_free_for(&self, owner: &OwnerId) -> bool {
        self.owner.as_ref().is_none_or(|known| known == owner)
    }

    /// Notes that the run is over.
    pub(crate) fn rest(&mut self) {
        self.reservation = None;
        self.log.set_span(tracing::Span::none());
    }

    /// Makes the pictures of one photograph of this owner.
    pub(crate) async fn run(
        &mut self,
        owner: &OwnerId,
        input: PipelineInput,
        progress: &Progress<'_>,
        budget: &MemoryBudget,
    ) -> Result<PipelineOutput, RunError> {
        self.log.set_span(tracing::Span::current());
        self.owner = Some(owner.clone());
        let RunLimits { max_prepare, max_run, spare_memory, max_memory, machine_memory, .. } = self.limits;
        let (source, backdrop, mask, plate, evidence) = (Bytes::new(), None, None, None, EvidenceUse::Drop);
        let settings = PipelineInput { source, backdrop, mask, plate, evidence, ..input.clone() };
        let (head, parts) = JobHead::of(input);
        let held: u64 = parts.iter().map(|part| part.len() as u64).sum();
        self.memory.allow(held.saturating_add(spare_memory));
        let prepare = async {
            self.write(FrameKind::Job, &head, &parts).await?;
            self.need().await
        };
        let needed = timeout(max_prepare, prepare).await.unwrap_or(Err(RunError::Lost(Loss::TooSlow)))?;
        drop(parts);
        if needed > max_memory {
            return Err(Loss::Garbled.into());
        }
        let room = budget.total_bytes().min(machine_memory);
        if needed > room && settings.fidelity().is_some_and(|fidelity| !fidelity.is_default()) {
            return Err(RunError::Refused(no_room(needed, room)));
        }
        let allowed = needed.saturating_add(spare_memory);
        self.reservation = Some(budget.reserve(allowed.saturating_add(held)).await);
        // The child may have met its end while it waited, which the next read finds out.
        self.memory.allow(allowed);
        let make = async {
            self.write(FrameKind::Start, &(), &[]).await?;
            self.outcome(progress, allowed, &settings).await
        };
        let output = timeout(max_run, make).await.unwrap_or(Err(RunError::Lost(Loss::TooSlow)))?;
        Ok(match self.reservation.take() {
            Some(reservation) => keep_while_in_use(output, reservation),
            None => output,
        })
    }

    /// The memory that the job needs, in bytes.
    async fn need(&mut self) -> Result<u64, RunError> {
        loop {
            let frame = self.read(0).await?;
            match frame.kind {
                FrameKind::Alive => {}
                FrameKind::Needs => return Ok(parse::<Needs>(&frame.head)?.bytes),
                FrameKind::Fault => return Err(RunError::Fault(parse::<FaultHead>(&frame.head)?.into())),
                _ => return Err(Loss::Garbled.into()),
            }
        }
    }

    /// The end of a run that was started.
    async fn outcome(
        &mut self,
        progress: &Progress<'_>,
        max_output: u64,
        settings: &PipelineInput,
    ) -> Result<PipelineOutput, RunError> {
        loop {
            let Frame { kind, head, body } = self.read(max_output).await?;
            match kind {
                FrameKind::Alive => {}
                FrameKind::Progress => {
                    let ProgressHead { stage, percent } = parse(&head)?;
                    progress(stage, percent.min(100));
                }
                FrameKind::Done => {
                    let done: DoneHead = parse(&head)?;
                    return done.into_output(body, settings).ok_or(RunError::Lost(Loss::Garbled));
                }
                FrameKind::Fault => return Err(RunError::Fault(parse::<FaultHead>(&head)?.into())),
                _ => return Err(Loss::Garbled.into()),
            }
        }
    }

    /// Kills the child, waits for its end, and says what the picture's fault is.
    pub(crate) async fn bury(mut self, loss: Loss) -> Fault {
        let ended = if loss == Loss::Ended { timeout(DEATH, self.child.wait()).await.ok() } else { None };
        let death = match ended {
            Some(Ok(status)) => {
                tracing::error!(%status, "image worker died");
                if is_killed(status) { Death::KilledByOthers } else { Death::Crashed }
            }
            Some(Err(_)) | None => {
                tracing::error!(?loss, "image worker killed");
                self.kill().await;
                Death::Killed
            }
        };
        let is_out_of_memory = loss == Loss::Ended && self.log.ends_out_of_memory().await;
        fault_of(loss, if is_out_of_memory { Death::OutOfMemory } else { death })
    }

    /// Sends SIGKILL to the child and, where it could start processes, to all of its group.
    pub(crate) fn start_kill(&mut self) {
        let group = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid as i32));
        let killed = group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
        if let Some(Err(error)) = killed {
            tracing::debug!(%error, "image worker had ended");
        }
    }

    /// Kills the child, and waits for its end.
    pub(crate) async fn kill(&mut self) {
        self.start_kill();
        if timeout(DEATH, self.child.wait()).await.is_err() {
            tracing::error!("image worker does not end after it was killed; the kernel may be waiting for a disk");
        }
    }

    async fn write(&mut self, kind: FrameKind, head: &impl Serialize, parts: &[Bytes]) -> Result<(), Loss> {
        let head = serde_json::to_vec(head).map_err(|_| Loss::Garbled)?;
        let body = parts.iter().map(|part| part.len() as u64).sum();
        let mut beginning = Prefix { kind, head: head.len(), body }.to_bytes().to_vec();
        beginning.extend_from_slice(&head);
        for part in std::iter::once(beginning.as_slice()).chain(parts.iter().map(|part| part.as_ref())) {
            for chunk in part.chunks(CHUNK) {
                match timeout(self.limits.max_silence, self.input.write_all(chunk)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(Loss::Ended),
                    Err(_) => return Err(Loss::Silent),
                }
            }
        }
        Ok(())
    }

    /// Reads a frame whose body has at most `max_body` bytes.
    async fn read(&mut self, max_body: u64) -> Result<Frame, Loss> {
        let mut prefix = [0; PREFIX];
        prefix.copy_from_slice(&self.take(PREFIX as u64).await?);
        let Prefix { kind, head, body } = Prefix::from_bytes(prefix).ok_or(Loss::Garbled)?;
        if body > max_body {
            return Err(Loss::Garbled);
        }
        let head = self.take(head as u64).await?;
        let body = self.take(body).await?.into();
        Ok(Frame { kind, head, body })
    }

    /// Reads exactly this many bytes. The length is the child's word, so memory that is not there is no reason to abort.
    async fn take(&mut self, length: u64) -> Result<Vec<u8>, Loss> {
        let length = usize::try_from(length).map_err(|_| Loss::Garbled)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| Loss::Garbled)?;
        while bytes.len() < length {
            let mut rest = (&mut self.output).take((length - bytes.len()) as u64);
            match timeout(self.limits.max_silence, rest.read_buf(&mut bytes)).await {
                Ok(Ok(0) | Err(_)) => return Err(Loss::Ended),
                Ok(Ok(_)) => {}
                Err(_) => return Err(Loss::Silent),
            }
        }
        Ok(bytes)
    }
}

fn parse<T: DeserializeOwned>(head: &[u8]) -> Result<T, Loss> {
    serde_json::from_slice(head).map_err(|error| {
        tracing::error!(%error, "image worker sent an invalid answer");
        Loss::Garbled
    })
}

/// Whether a process ended by SIGKILL, which nothing in it can send.
fn is_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::KILL.as_raw())
}

/// Enlarges a pipe. The default size works too, with more switches.
#[cfg(target_os = "linux")]
fn enlarge(pipe: &impl std::os::fd::AsFd) {
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(pipe, PIPE) {
        tracing::debug!(%error, "pipe to an image worker keeps its size");
    }
}

#[cfg(not(target_os = "linux"))]
fn enlarge<T>(_: &T) {
    let _ = PIPE;
}
