//! The use case's ports and outcomes.

use std::sync::Arc;

use crate::domain::ids::JobId;
use crate::ports::{Audit, Blobs, DropFiles, Identities, Jobs, Keys, Queue};
use crate::usecases::env::Env;
use crate::usecases::param_sets::ParamSetLibrary;
use crate::usecases::storage_cap::StorageCap;

/// Takes in dropped files and delivers their results. Both can be interrupted and repeated at any point: a drop becomes
/// at most one job or cuts a job again once, and in the end the newest drop of a path has its pictures next to its
/// manifest.
#[derive(Clone)]
pub struct DropIngest {
    /// Which drops are known.
    pub identities: Arc<dyn Identities>,
    /// The dropped files and the results.
    pub files: Arc<dyn DropFiles>,
    /// The drops' jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Sources and outputs.
    pub blobs: Arc<dyn Blobs>,
    /// Where the jobs' messages go.
    pub queue: Arc<dyn Queue>,
    /// Owners.
    pub keys: Arc<dyn Keys>,
    /// The owners' parameter sets.
    pub sets: ParamSetLibrary,
    /// The audit log, for jobs that retouched files cut again.
    pub audit: Arc<dyn Audit>,
    /// The cap on an owner's stored bytes, if there is one.
    pub storage_cap: Option<StorageCap>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// The outcome of taking in a dropped file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestOutcome {
    /// It became this job.
    Job(JobId),
    /// A retouched file cut a photograph again: this job is held for review, and the manifest says so.
    Recut(JobId),
    /// A retouched file waits: for its job to be held or done, or for the cut that it makes. It has to be taken in
    /// again.
    Waiting,
    /// It was taken in before.
    Known,
    /// It was refused, or the cut by it failed. Its manifest gives the reason.
    Refused,
    /// It no longer exists, or another file replaced it, which is announced separately.
    Gone,
}
