//! One child, seen from its parent.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cutline_core::Fault;
use cutline_core::ports::{PipelineInput, PipelineOutput, Progress};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout, timeout_at};

use crate::address_space::AddressSpace;
use crate::command::WorkerCommand;
use crate::faults::{Death, Loss, fault_of};
use crate::limits::RunLimits;
use crate::log::ChildLog;
use crate::memory_budget::{MemoryBudget, keep_while_in_use};
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
}

/// Why a run has no output.
pub(crate) enum RunError {
    /// The pipeline's fault. The child is ready for the next run.
    Fault(Fault),
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
        let (output, version) = (BufReader::new(output), String::new());
        let mut worker = Self { child, input, output, log, memory, limits, version };
        let max_silence = std::mem::replace(&mut worker.limits.max_silence, limits.max_start);
        let frame = worker.read(u64::from(crate::protocol::MAX_HEAD)).await.map_err(|_| StartError::NotReady)?;
        worker.limits.max_silence = max_silence;
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

    /// Makes the pictures of one photograph.
    pub(crate) async fn run(
        &mut self,
        input: PipelineInput,
        progress: &Progress<'_>,
        budget: &MemoryBudget,
    ) -> Result<PipelineOutput, RunError> {
        self.log.set_span(tracing::Span::current());
        let (head, parts) = JobHead::of(input);
        let held: u64 = parts.iter().map(|part| part.len() as u64).sum();
        self.memory.allow(held + self.limits.spare_memory);
        self.write(FrameKind::Job, &head, &parts).await?;
        drop(parts);
        let needed = self.need().await?;
        let reservation = budget.reserve(needed).await;
        // The child may have met its end while it waited, which the next read finds out.
        self.memory.allow(needed + self.limits.spare_memory);
        self.write(FrameKind::Start, &(), &[]).await?;
        let max_output = needed.saturating_add(self.limits.spare_memory);
        let ends = timeout(self.limits.max_run, self.outcome(progress, max_output)).await;
        let output = ends.unwrap_or(Err(RunError::Lost(Loss::TooSlow)))?;
        Ok(keep_while_in_use(output, reservation))
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
    async fn outcome(&mut self, progress: &Progress<'_>, max_output: u64) -> Result<PipelineOutput, RunError> {
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
                    return done.into_output(body).ok_or(RunError::Lost(Loss::Garbled));
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
            Some(Ok(status)) if self.log.ends_out_of_memory().await => {
                tracing::error!(%status, "image worker ran out of memory");
                Death::OutOfMemory
            }
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
        fault_of(loss, death)
    }

    /// Kills the child, and waits for its end.
    pub(crate) async fn kill(&mut self) {
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "image worker had ended");
        }
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
        prefix.copy_from_slice(&self.take(PREFIX).await?);
        let Prefix { kind, head, body } = Prefix::from_bytes(prefix).ok_or(Loss::Garbled)?;
        if body > max_body {
            return Err(Loss::Garbled);
        }
        let head = self.take(head).await?.to_vec();
        let body = self.take(usize::try_from(body).map_err(|_| Loss::Garbled)?).await?.freeze();
        Ok(Frame { kind, head, body })
    }

    /// Reads exactly this many bytes.
    async fn take(&mut self, length: usize) -> Result<BytesMut, Loss> {
        let mut bytes = BytesMut::with_capacity(length);
        while bytes.len() < length {
            let mut rest = (&mut self.output).take((length - bytes.len()) as u64);
            let until = Instant::now() + self.limits.max_silence;
            match timeout_at(until, rest.read_buf(&mut bytes)).await {
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
