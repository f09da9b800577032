//! The version of a job's record, and the attributes of newer releases.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::spec::Source;
use crate::domain::failure::FailureCode;

/// A version of the record format. A record names the lowest version whose readers understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordVersion(u32);

impl RecordVersion {
    /// The first format. Its readers do not look at `needs` and lose attributes that they do not know.
    pub const FIRST: Self = Self(1);
    /// Readers of the attribute `reports`, which keep attributes that they do not know.
    pub const REPORTS: Self = Self(2);
    /// Readers of the failure codes that image workers added.
    pub const WORKER_FAILURES: Self = Self(3);
    /// Readers of jobs with a directly uploaded source, and of the failure code that these added.
    pub const UPLOADS: Self = Self(4);
    /// The newest version that this release reads.
    pub const CURRENT: Self = Self::UPLOADS;

    /// The lowest version that can read a job with this source.
    pub(super) const fn of_source(source: &Source) -> Self {
        match source {
            Source::Upload { .. } => Self::UPLOADS,
            Source::Stored | Source::Url(_) => Self::FIRST,
        }
    }

    /// The lowest version that can read a job which failed with `code`.
    pub(super) const fn of_failure(code: FailureCode) -> Self {
        match code {
            FailureCode::TooSlow | FailureCode::OutOfMemory | FailureCode::WorkerCrashed => Self::WORKER_FAILURES,
            FailureCode::SourceChanged => Self::UPLOADS,
            FailureCode::SourceUnreachable
            | FailureCode::SourceTimeout
            | FailureCode::SourceForbidden
            | FailureCode::SourceTooLarge
            | FailureCode::UnsupportedSource
            | FailureCode::InvalidImage
            | FailureCode::ImageTooLarge
            | FailureCode::NoSubject
            | FailureCode::StorageUnavailable
            | FailureCode::Interrupted
            | FailureCode::TimedOut
            | FailureCode::Internal => Self::FIRST,
        }
    }
}

impl Default for RecordVersion {
    /// The version of a record that names none.
    fn default() -> Self {
        Self::FIRST
    }
}

/// The record was written by a newer release, in a form that this one cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unsupported job record: it needs version {}, this release reads up to {}; upgrade this release", .needs.0, RecordVersion::CURRENT.0)]
pub(super) struct UnsupportedRecord {
    /// The version that the record needs.
    pub(super) needs: RecordVersion,
}

/// Attributes of a record that this release does not know. They survive its writes.
///
/// Only attributes of the record itself, of its `order` and of its `drop` are kept. A state's attributes are not,
/// since they mean nothing after a transition: a release that adds one has to raise `needs`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnknownAttributes {
    pub(super) record: Map<String, Value>,
    pub(super) order: Map<String, Value>,
    pub(super) drop: Map<String, Value>,
}
