//! The use case's ports.

use std::sync::Arc;

use tokio::time::Instant;

use super::drop_wait::DropWait;
use crate::domain::job::JobStage;
use crate::ports::{Blobs, Jobs, Queue, ReportQueue, SourceFetcher, UploadObjects};
use crate::usecases::drops::DropIngest;
use crate::usecases::env::Env;
use crate::usecases::work::Claimant;

/// The ports of intake in addition to the records.
#[derive(Clone)]
pub struct IntakePorts {
    /// Sources and backdrops.
    pub blobs: Arc<dyn Blobs>,
    /// Directly uploaded files.
    pub uploads: Arc<dyn UploadObjects>,
    /// Fetches from the internet.
    pub fetcher: Arc<dyn SourceFetcher>,
    /// Where jobs go on to be made.
    pub queue: Arc<dyn Queue>,
    /// Where messages about the reports of ended jobs go: a job may fail here.
    pub reports: Arc<dyn ReportQueue>,
    /// Takes in dropped files; `None` where none are announced by messages.
    pub drops: Option<DropIngest>,
}

/// Stores what jobs need. May be interrupted at any point, and run twice for the same message.
#[derive(Clone)]
pub struct Intake {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Everything else that is stored, fetched or sent.
    pub ports: IntakePorts,
    /// Time, identifiers and rules.
    pub env: Env,
    /// When the host ends this worker, as Lambda does at an invocation's deadline. Attempts end
    /// [`Policy::deadline_margin`](crate::Policy::deadline_margin) before.
    pub deadline: Option<Instant>,
    /// How long dropped files wait while the bulk lane is full.
    pub drop_wait: DropWait,
}

impl Intake {
    pub(super) fn claimant(&self) -> Claimant<'_> {
        let Self { jobs, ports: IntakePorts { queue, reports, .. }, env, deadline, .. } = self;
        Claimant { stage: JobStage::Intake, jobs, queue, reports, env, deadline: *deadline }
    }
}
