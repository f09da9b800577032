//! The lines of a state file, one JSON object each.
//!
//! The first line is the [`Header`]; each further line is one [`Event`] of an entry. The order of events is what makes a
//! run resumable: an event is on disk before the step that follows it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cutline_core::JobId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{EntryId, Label, path_text};

/// The form of the file that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// [`FORMAT`]. Its name marks the file as Cutline's.
    pub(super) cutline_batch: u32,
    /// The run's id. Idempotency keys are derived from it.
    pub(super) run: String,
    /// The options that decide what is sent and where it goes.
    pub(super) options: BTreeMap<String, String>,
}

/// A further line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) entry: EntryId,
    #[serde(flatten)]
    pub(super) step: Step,
}

/// A step of an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum Step {
    /// The request for its job is about to be sent.
    Sending(Sending),
    /// The job exists.
    Accepted { job: JobId },
    /// Its results are about to get their names.
    Saving { files: Vec<SavedPath> },
    /// Its results are saved, or are left where they are.
    Done { bytes: u64 },
    /// It failed.
    Failed(Failed),
    /// It is to be sent again, under this number.
    Again { attempt: u32, label: Label },
}

/// A request as it is sent, and sent again after an interruption: with the same body, the API answers with the same job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sending {
    pub(super) attempt: u32,
    pub(super) at: Timestamp,
    pub(super) label: Label,
    pub(super) body: Value,
    /// When the link to its picture ends, if it has one that was signed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link_ends: Option<Timestamp>,
}

/// Why an entry failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) attempt: u32,
    pub(super) label: Label,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) job: Option<JobId>,
    pub(super) code: String,
    pub(super) message: String,
}

/// The path of a result below the output folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SavedPath(#[serde(with = "path_text")] pub(super) PathBuf);
