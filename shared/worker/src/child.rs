//! The child: loads the pipeline once, then makes one picture after the other.

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{ExitCode, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::ports::{Pipeline, PipelineInput, PipelineOutput};
use cutline_core::{FailureCode, Fault};
use serde::Serialize;

use crate::command::ChildArgs;
use crate::message::{DoneHead, FaultHead, JobHead, Needs, NotReady, ProgressHead, Ready};
use crate::protocol::{Frame, FrameKind, read_frame, write_frame};
use crate::{log, sandbox};

/// The time between two signs of life.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// Runs an image worker until its parent ends. `load` loads the pipeline.
///
/// Standard input and output belong to the protocol; everything that is printed goes to standard error.
pub fn run<P: Pipeline, E: Display>(args: &ChildArgs, load: impl FnOnce(&ChildArgs) -> Result<P, E>) -> ExitCode {
    log::start_in_child(&args.log);
    let (frames, parent) = match take_pipes() {
        Ok((input, output)) => (receive(input), Arc::new(Parent(Mutex::new(output)))),
        Err(error) => {
            eprintln!("error: an image worker is started by its parent, with pipes: {error}");
            return ExitCode::FAILURE;
        }
    };
    sandbox::prepare();
    let pipeline = match load(args) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            parent.send(FrameKind::NotReady, &NotReady { reason: format!("{error:#}") }, &[]);
            return ExitCode::FAILURE;
        }
    };
    let pulse = Pulse::start(Arc::clone(&parent));
    let unconfined = sandbox::confine().err().map(|error| error.to_string());
    parent.send(FrameKind::Ready, &Ready { version: pipeline.version().to_owned(), unconfined }, &[]);
    let worker = Worker { pipeline, parent, frames, pulse };
    worker.run();
    ExitCode::SUCCESS
}

/// The pipes of the protocol. Afterwards, standard output is standard error, so that no library prints into a frame.
fn take_pipes() -> io::Result<(File, File)> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((input.into(), output.into()))
}

/// Receives frames on a thread of its own. When the parent ends, so does this process, even during a run.
fn receive(mut input: File) -> Receiver<Frame> {
    let (sender, receiver): (Sender<Frame>, _) = channel();
    thread::spawn(move || {
        reserve_arena();
        while let Ok(frame) = read_frame(&mut input) {
            if sender.send(frame).is_err() {
                break;
            }
        }
        exit(0)
    });
    receiver
}

/// Allocates once. glibc reserves 64 MB of addresses, for a moment 128, when a thread first allocates: now it is part of
/// the size from which the parent computes the limit, later it would be taken from a picture.
fn reserve_arena() {
    drop(std::hint::black_box(vec![0_u8; 1024]));
}

/// The pipe to the parent.
struct Parent(Mutex<File>);

impl Parent {
    /// Sends a frame. If the parent does not read any more, this process has no purpose, and ends.
    fn send(&self, kind: FrameKind, head: &impl Serialize, parts: &[Bytes]) {
        let mut pipe = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = serde_json::to_vec(head)
            .map_err(io::Error::from)
            .and_then(|head| write_frame(&mut *pipe, kind, &head, parts));
        if let Err(error) = sent {
            tracing::error!(%error, "cannot answer the parent");
            exit(1)
        }
    }
}

/// Signs of life during a job. They come from a thread of their own, so they stop only if the whole process does.
struct Pulse(Arc<AtomicBool>);

impl Pulse {
    fn start(parent: Arc<Parent>) -> Self {
        let is_busy = Arc::new(AtomicBool::new(false));
        let pulse = Self(Arc::clone(&is_busy));
        thread::spawn(move || {
            reserve_arena();
            loop {
                thread::sleep(ALIVE_EVERY);
                if is_busy.load(Ordering::Relaxed) {
                    parent.send(FrameKind::Alive, &(), &[]);
                }
            }
        });
        pulse
    }

    fn set(&self, is_busy: bool) {
        self.0.store(is_busy, Ordering::Relaxed);
    }
}

struct Worker<P> {
    pipeline: P,
    parent: Arc<Parent>,
    frames: Receiver<Frame>,
    pulse: Pulse,
}

impl<P: Pipeline> Worker<P> {
    fn run(&self) {
        while let Ok(frame) = self.frames.recv() {
            self.pulse.set(true);
            let result = self.make(frame);
            self.pulse.set(false);
            match result {
                Ok(output) => {
                    let (head, parts) = DoneHead::of(output);
                    self.parent.send(FrameKind::Done, &head, &parts);
                }
                Err(fault) => self.parent.send(FrameKind::Fault, &FaultHead::from(fault), &[]),
            }
        }
    }

    /// Makes the pictures of a job. A panic is a fault of the job.
    fn make(&self, frame: Frame) -> Result<PipelineOutput, Fault> {
        let input = read_job(frame)?;
        let bytes = guarded(|| Ok(self.pipeline.memory_needed(&input)))?;
        self.parent.send(FrameKind::Needs, &Needs { bytes }, &[]);
        match self.frames.recv() {
            Ok(Frame { kind: FrameKind::Start, .. }) => {}
            Ok(_) | Err(_) => return Err(internal()),
        }
        let parent = &self.parent;
        guarded(|| {
            self.pipeline.run(&input, &|stage, percent| {
                parent.send(FrameKind::Progress, &ProgressHead { stage, percent }, &[]);
            })
        })
    }
}

fn read_job(frame: Frame) -> Result<PipelineInput, Fault> {
    let Frame { kind: FrameKind::Job, head, body } = frame else { return Err(internal()) };
    let head: JobHead = serde_json::from_slice(&head).map_err(|error| {
        tracing::error!(%error, "cannot read a job");
        internal()
    })?;
    head.into_input(body).ok_or_else(internal)
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("pipeline panicked");
        Err(internal())
    })
}

fn internal() -> Fault {
    Fault::fail(FailureCode::Internal, "the picture could not be processed; report it with the job id")
}
