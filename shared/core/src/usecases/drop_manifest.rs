//! The file that tells what became of a drop.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::drops::{DropOrigin, DropPath, Sequencer};
use crate::domain::failure::Failure;
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobParamSet};
use crate::domain::outcome::{Confidence, Outcome, Variation, Warnings};
use crate::domain::params::{Revision, SetName};
use crate::ports::PortError;

/// Why a drop became no job. The codes are part of the public contract, beside those of
/// [`FailureCode`](crate::FailureCode).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What might have been there in its place.
    pub(super) choices: Vec<SetName>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), choices: Vec::new() }
    }
}

/// `manifest.json`. Fields stand in the order of the documentation.
#[derive(Serialize)]
struct Manifest<'a> {
    status: &'static str,
    source: &'a DropPath,
    sequencer: &'a Sequencer,
    job_id: Option<JobId>,
    set: Option<SetOf<'a>>,
    finished_at: Timestamp,
    #[serde(flatten)]
    ending: Ending<'a>,
}

#[derive(Serialize)]
struct SetOf<'a> {
    name: Option<&'a SetName>,
    revision: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Ending<'a> {
    Done {
        variations: &'a BTreeMap<Variation, Published>,
        #[serde(rename = "final")]
        final_picture: Variation,
        confidence: Option<Confidence>,
        warnings: &'a Warnings,
        ignored_variations: &'a [String],
        pipeline_version: &'a str,
    },
    Failed {
        error: ErrorOf<'a>,
    },
}

/// A file beside the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Published {
    pub(super) file: String,
    pub(super) content_type: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

#[derive(Serialize)]
struct ErrorOf<'a> {
    code: &'a str,
    message: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    choices: &'a [SetName],
}

/// What of a stored manifest decides whether it stays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Head {
    pub(super) sequencer: Sequencer,
    pub(super) job_id: Option<JobId>,
}

impl Head {
    /// What the file says. `None` where it is none that this program wrote, which is in the way of nothing.
    pub(super) fn read(manifest: &[u8]) -> Option<Self> {
        serde_json::from_slice(manifest).ok()
    }
}

/// The manifest of a drop that became no job.
pub(super) fn refused(origin: &DropOrigin, refusal: &Refusal, now: Timestamp) -> Result<Bytes, PortError> {
    let Refusal { code, message, choices } = refusal;
    let ending = Ending::Failed { error: ErrorOf { code, message, retryable: false, choices } };
    written(&Manifest { ending, ..head(origin, None, now) })
}

/// The manifest of a job that has failed.
pub(super) fn failed(origin: &DropOrigin, job: &Job, failure: &Failure, at: Timestamp) -> Result<Bytes, PortError> {
    let Failure { code, message, retryable } = failure;
    let ending =
        Ending::Failed { error: ErrorOf { code: code.as_str(), message, retryable: *retryable, choices: &[] } };
    written(&Manifest { ending, ..head(origin, Some(job), at) })
}

/// The manifest of a job that is done, of which these files lie beside it.
pub(super) fn done(
    origin: &DropOrigin,
    job: &Job,
    outcome: &Outcome,
    variations: &BTreeMap<Variation, Published>,
    at: Timestamp,
) -> Result<Bytes, PortError> {
    let ending = Ending::Done {
        variations,
        final_picture: outcome.final_picture,
        confidence: outcome.confidence,
        warnings: &outcome.warnings,
        ignored_variations: &outcome.ignored,
        pipeline_version: &outcome.pipeline_version,
    };
    written(&Manifest { ending, status: "done", ..head(origin, Some(job), at) })
}

/// The sequencer of the drop that a stored manifest describes, or `None` if Cutline did not write the manifest.
pub fn manifest_sequencer(manifest: &[u8]) -> Option<Sequencer> {
    Head::read(manifest).map(|head| head.sequencer)
}

fn head<'a>(origin: &'a DropOrigin, job: Option<&'a Job>, finished_at: Timestamp) -> Manifest<'a> {
    let set = job.and_then(|job| job.spec.set.as_ref());
    Manifest {
        status: "failed",
        source: &origin.path,
        sequencer: &origin.sequencer,
        job_id: job.map(|job| job.id),
        set: set.map(|JobParamSet { name, revision, .. }| SetOf {
            name: name.as_ref(),
            revision: revision.as_ref().map(Revision::to_string),
        }),
        finished_at,
        // In place of what the caller has.
        ending: Ending::Failed { error: ErrorOf { code: "", message: "", retryable: false, choices: &[] } },
    }
}

fn written(manifest: &Manifest<'_>) -> Result<Bytes, PortError> {
    let mut text = serde_json::to_vec_pretty(manifest).map_err(PortError::fail)?;
    text.push(b'\n');
    Ok(text.into())
}
