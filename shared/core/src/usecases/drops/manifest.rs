//! `manifest.json`, which reports the result of a drop.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::attention::Attention;
use crate::domain::correlation::{ExternalId, Metadata};
use crate::domain::decision::DraftRevision;
use crate::domain::digest::Digest;
use crate::domain::drops::{DropOrigin, DropPath, Sequencer};
use crate::domain::failure::{DropRefusalCode, Failure, Retryable};
use crate::domain::fidelity::PixelCheck;
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobParamSet};
use crate::domain::outcome::{Confidence, Outcome, Warnings};
use crate::domain::output_name::OutputName;
use crate::domain::params::{Revision, SetName};
use crate::domain::subject::PixelBox;
use crate::domain::variation::Variation;
use crate::ports::PortError;

/// The status of a drop that was taken in to its end.
const DONE: &str = "done";

/// Why a drop was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: DropRefusalCode,
    pub(super) message: String,
    /// The parameter sets to choose from, where the path named an unknown one.
    pub(super) choices: Vec<SetName>,
}

impl Refusal {
    pub(super) fn new(code: DropRefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), choices: Vec::new() }
    }
}

/// `manifest.json`, with its fields in the order of the documentation.
#[derive(Serialize)]
struct Manifest<'a> {
    status: &'static str,
    source: &'a DropPath,
    sequencer: &'a Sequencer,
    job_id: Option<JobId>,
    set: Option<SetReference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a ExternalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_name: Option<&'a OutputName>,
    finished_at: Timestamp,
    #[serde(flatten)]
    ending: Ending<'a>,
}

#[derive(Serialize)]
struct SetReference<'a> {
    name: Option<&'a SetName>,
    revision: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Ending<'a> {
    Done {
        variations: &'a BTreeMap<Variation, PublishedFile>,
        #[serde(rename = "final")]
        final_picture: Variation,
        confidence: Option<Confidence>,
        #[serde(skip_serializing_if = "Option::is_none")]
        crop_box: Option<PixelBox>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        attention: &'a [Attention],
        #[serde(skip_serializing_if = "Option::is_none")]
        pixel_check: Option<PixelCheck>,
        warnings: &'a Warnings,
        ignored_variations: &'a [String],
        pipeline_version: &'a str,
    },
    Recut {
        /// The draft that waits for a decision.
        draft_revision: DraftRevision,
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<&'a str>,
    },
    Failed {
        error: ManifestError<'a>,
    },
}

impl Ending<'_> {
    const fn status(&self) -> &'static str {
        match self {
            Self::Done { .. } | Self::Recut { .. } => DONE,
            Self::Failed { .. } => "failed",
        }
    }
}

/// A picture among the drop's results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PublishedFile {
    pub(super) file: String,
    pub(super) content_type: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
}

#[derive(Serialize)]
struct ManifestError<'a> {
    code: &'a str,
    message: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    choices: &'a [SetName],
}

/// The fields of a stored manifest that decide whether another drop replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ManifestHead {
    pub(super) sequencer: Sequencer,
    pub(super) job_id: Option<JobId>,
}

impl ManifestHead {
    /// Whether the manifest must not be replaced by that of `job`, which was made for `origin`: it belongs to a newer
    /// drop, or to a newer job of the same drop.
    pub(super) fn supersedes(&self, origin: &DropOrigin, job: Option<&Job>) -> bool {
        // Ids order jobs by the clock, which may have been set back before a retry.
        let is_repeated = self.job_id.is_some() && self.job_id == job.and_then(Job::repeats);
        let is_newer_job = self.job_id > job.map(|job| job.id) && !is_repeated;
        self.sequencer.is_newer_than(&origin.sequencer) || (self.sequencer == origin.sequencer && is_newer_job)
    }

    /// Reads a stored manifest. `None` if Cutline did not write it; such a file is replaced.
    pub(super) fn read(manifest: &[u8]) -> Option<Self> {
        serde_json::from_slice(manifest).ok()
    }
}

/// The sequencer of the drop that a stored manifest describes, or `None` if Cutline did not write the manifest.
pub fn manifest_sequencer(manifest: &[u8]) -> Option<Sequencer> {
    ManifestHead::read(manifest).map(|head| head.sequencer)
}

/// Whether a stored manifest says that this file cut its job again.
pub(super) fn says_done(manifest: &[u8], origin: &DropOrigin) -> bool {
    #[derive(Deserialize)]
    struct Report {
        status: String,
        sequencer: Sequencer,
        #[serde(default)]
        version: Option<String>,
    }
    let report: Option<Report> = serde_json::from_slice(manifest).ok();
    report.is_some_and(|Report { status, sequencer, version }| {
        // As in the identity of a drop, the version alone counts, if there is one.
        let is_same = if origin.version.is_some() { version == origin.version } else { sequencer == origin.sequencer };
        status == DONE && is_same
    })
}

/// The manifest of a refused drop.
pub(super) fn refused(origin: &DropOrigin, refusal: &Refusal, now: Timestamp) -> Result<Bytes, PortError> {
    let Refusal { code, message, choices } = refusal;
    let retryable = code.info().retryable == Retryable::Yes;
    let error = ManifestError { code: code.as_str(), message, retryable, choices };
    render(origin, None, now, Ending::Failed { error })
}

/// The manifest of a failed job.
pub(super) fn failed(origin: &DropOrigin, job: &Job, failure: &Failure, at: Timestamp) -> Result<Bytes, PortError> {
    let Failure { code, message, retryable } = failure;
    let error = ManifestError { code: code.as_str(), message, retryable: *retryable, choices: &[] };
    render(origin, Some(job), at, Ending::Failed { error })
}

/// The manifest of a finished job, whose pictures are `files`.
pub(super) fn done(
    origin: &DropOrigin,
    job: &Job,
    outcome: &Outcome,
    files: &BTreeMap<Variation, PublishedFile>,
    at: Timestamp,
) -> Result<Bytes, PortError> {
    let ending = Ending::Done {
        variations: files,
        final_picture: outcome.final_picture,
        confidence: outcome.confidence,
        crop_box: outcome.crop_box,
        attention: &outcome.attention,
        pixel_check: outcome.pixel_check,
        warnings: &outcome.warnings,
        ignored_variations: &outcome.ignored,
        pipeline_version: &outcome.pipeline_version,
    };
    render(origin, Some(job), at, ending)
}

/// The manifest of a retouched file by which this job was cut again. It is held with this revision.
pub(super) fn recut(
    origin: &DropOrigin,
    job: &Job,
    revision: DraftRevision,
    at: Timestamp,
) -> Result<Bytes, PortError> {
    let ending = Ending::Recut { draft_revision: revision, version: origin.version.as_deref() };
    render(origin, Some(job), at, ending)
}

fn render(
    origin: &DropOrigin,
    job: Option<&Job>,
    finished_at: Timestamp,
    ending: Ending<'_>,
) -> Result<Bytes, PortError> {
    let set = job.and_then(|job| job.spec.set.as_ref());
    let manifest = Manifest {
        status: ending.status(),
        source: &origin.path,
        sequencer: &origin.sequencer,
        job_id: job.map(|job| job.id),
        set: set.map(|JobParamSet { name, revision, .. }| SetReference {
            name: name.as_ref(),
            revision: revision.as_ref().map(Revision::to_string),
        }),
        external_id: job.and_then(|job| job.spec.external_id.as_ref()),
        metadata: job.and_then(|job| job.spec.metadata.as_ref()),
        output_name: job.and_then(|job| job.spec.output_name.as_ref()),
        finished_at,
        ending,
    };
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(PortError::fail)?;
    text.push(b'\n');
    Ok(text.into())
}
