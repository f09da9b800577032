//! The use case's ports, and why work on a job stops.

use std::sync::Arc;

use tokio::time::Instant;

use crate::domain::failure::Fault;
use crate::ports::{Blobs, ImageWorkers, Jobs, PortError, ReportQueue, SourceFetcher, UploadObjects, WriteError};
use crate::usecases::drops::DropIngest;
use crate::usecases::env::Env;

/// Works on jobs. May be interrupted at any point, and run twice for the same message: one worker at a time has a job,
/// and the job ends with one result.
#[derive(Clone)]
pub struct Process {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// The tools of a worker.
    pub workshop: Workshop,
    /// Time, identifiers and rules.
    pub env: Env,
    /// When the host ends this worker, as Lambda does at an invocation's deadline. Attempts end
    /// [`Policy::deadline_margin`](crate::Policy::deadline_margin) before.
    pub deadline: Option<Instant>,
}

/// The ports that a worker needs in addition to the records.
#[derive(Clone)]
pub struct Workshop {
    /// Sources and outputs.
    pub blobs: Arc<dyn Blobs>,
    /// Directly uploaded sources.
    pub uploads: Arc<dyn UploadObjects>,
    /// Fetches sources from the internet.
    pub fetcher: Arc<dyn SourceFetcher>,
    /// Make the pictures.
    pub image_workers: Arc<dyn ImageWorkers>,
    /// Where messages about the reports of ended jobs go. No worker delivers reports itself.
    pub reports: Arc<dyn ReportQueue>,
    /// Takes in dropped files; `None` where no files can be dropped.
    pub drops: Option<DropIngest>,
}

/// Why a worker stops working on a job.
pub(super) enum Stop {
    /// The attempt failed; the record has to say so.
    Fault(Fault),
    /// Another worker has the job, or it has ended: write nothing more.
    LeaseLost,
    /// The record could not be written. The lease expires by itself.
    Store(PortError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => Self::LeaseLost,
            WriteError::Port(error) => Self::Store(error),
        }
    }
}
