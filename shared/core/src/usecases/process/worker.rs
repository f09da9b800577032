//! The use case's ports.

use std::sync::Arc;

use tokio::time::Instant;

use crate::domain::job::JobStage;
use crate::ports::{Blobs, ImageWorkers, Jobs, Queue, ReportQueue};
use crate::usecases::env::Env;
use crate::usecases::work::Claimant;

/// Makes the pictures of jobs. May be interrupted at any point, and run twice for the same message: one worker at a time
/// has a job, and the job ends with one result.
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
    /// Where jobs go back to intake, and announcements of dropped files.
    pub queue: Arc<dyn Queue>,
    /// Make the pictures.
    pub image_workers: Arc<dyn ImageWorkers>,
    /// Where messages about the reports of ended jobs go. No worker delivers reports itself.
    pub reports: Arc<dyn ReportQueue>,
}

impl Process {
    pub(super) fn claimant(&self) -> Claimant<'_> {
        let Self { jobs, workshop: Workshop { queue, reports, .. }, env, deadline } = self;
        Claimant { stage: JobStage::Make, jobs, queue, reports, env, deadline: *deadline }
    }
}
