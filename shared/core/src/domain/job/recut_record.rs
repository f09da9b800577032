//! Recuts in a job's record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::audit::Actor;
use crate::domain::decision::DraftRevision;
use crate::domain::ids::LeaseToken;
use crate::domain::mask::JobMask;
use crate::domain::outcome::Outcome;
use crate::domain::rendering::Inset;
use crate::domain::subject::{SubjectChanges, SubjectSettings};

/// The last recut of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recut {
    /// The revision that the reviewer saw.
    pub of: DraftRevision,
    /// Who requested it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The changed settings.
    pub changes: SubjectChanges,
    /// The draft that it replaces. `None` once it has done so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<WaitingDraft>,
}

/// A draft while its job is cut again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingDraft {
    /// When the job was held for the first time.
    pub since: Timestamp,
    /// The result.
    pub outcome: Outcome,
    /// When the job fails if nobody has decided.
    pub deadline: Timestamp,
    /// How its cut was steered.
    pub subject: SubjectSettings,
    /// Its mask, if one came as a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<JobMask>,
    /// How far its clipping path lies inside the outline, if the recut changes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inset: Option<Inset>,
}

/// The files of a draft that was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedFiles {
    /// The lease under which they lie.
    pub lease: LeaseToken,
    /// Their size in bytes.
    pub bytes: u64,
    /// When they are deleted.
    pub delete_at: Timestamp,
}
