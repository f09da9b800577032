//! The version of a job's record, and the attributes of newer releases.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::spec::{JobSpec, Source};
use crate::domain::asset::AssetKind;
use crate::domain::crop::Crop;
use crate::domain::failure::FailureCode;
use crate::domain::outcome::Outcome;
use crate::domain::rendering::Rendering;
use crate::domain::requested_format::RequestedFormat;
use crate::domain::subject::{MaskSource, SubjectSettings};

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
    /// Readers of jobs that are held for review, and of the failure codes that this added.
    pub const REVIEW: Self = Self(5);
    /// Readers of jobs that return the source itself with a path, and of the formats that these added.
    pub const ORIGINALS: Self = Self(6);
    /// Readers of jobs that steer their cut, which earlier ones would ignore; of the asset and of the failure code that
    /// these added.
    pub const SUBJECT: Self = Self(7);
    /// Readers of the previews among a job's assets.
    pub const PREVIEWS: Self = Self(8);
    /// Readers of jobs that were or may be cut again, and of the asset and the webhook's event that these added.
    pub const RECUT: Self = Self(9);
    /// Readers of jobs that crop their pictures, which earlier ones would not, and of the box that this added to results.
    pub const CROP: Self = Self(10);
    /// Readers of jobs that are cut by a mask of their own, which earlier ones would ignore; of the failure codes that this
    /// added.
    pub const MASK: Self = Self(11);
    /// Readers of jobs with a depth, a color space or metadata of their own for the written files, which earlier ones would
    /// ignore.
    pub const FIDELITY: Self = Self(12);
    /// The newest version that this release reads.
    pub const CURRENT: Self = Self::FIDELITY;

    /// The lowest version that can read a job with this request, and does what it asks for.
    pub(super) fn of_spec(spec: &JobSpec) -> Self {
        let of_source = match &spec.source {
            Source::Upload { .. } => Self::UPLOADS,
            Source::Stored | Source::Url(_) => Self::FIRST,
        };
        // A held job has previews.
        let of_previews = if spec.preview_rule().is_off() { Self::FIRST } else { Self::PREVIEWS };
        let of_subject = Self::of_subject(&spec.subject);
        let of_crop = if spec.rendering.crop.and_then(Crop::margin).is_some() { Self::CROP } else { Self::FIRST };
        let of_format = Self::of_format(spec.format);
        let of_fidelity = Self::of_fidelity(&spec.rendering);
        of_source.max(of_previews).max(of_format).max(of_subject).max(of_crop).max(of_fidelity)
    }

    /// The lowest version that writes the files of a job as faithfully as it asks for, and reports it. Also the defaults count:
    /// a job that states them gets a check of its pixels.
    fn of_fidelity(rendering: &Rendering) -> Self {
        if rendering.depth.is_some() || rendering.color.is_some() { Self::FIDELITY } else { Self::FIRST }
    }

    /// The lowest version that can read a job with these settings for its cut, and follows them.
    pub(super) fn of_subject(subject: &SubjectSettings) -> Self {
        match subject.mask_source {
            Some(MaskSource::Alpha | MaskSource::Path | MaskSource::File) => Self::MASK,
            Some(MaskSource::Auto) | None if subject.is_steered() => Self::SUBJECT,
            Some(MaskSource::Auto) | None => Self::FIRST,
        }
    }

    /// The lowest version that can read a job with this format.
    const fn of_format(format: Option<RequestedFormat>) -> Self {
        match format {
            Some(RequestedFormat::Original) => Self::ORIGINALS,
            Some(RequestedFormat::Encoded(_)) | None => Self::FIRST,
        }
    }

    /// The lowest version that can read a job with this result.
    pub(super) fn of_outcome(outcome: &Outcome) -> Self {
        if outcome.assets.contains_key(&AssetKind::Regions) { Self::RECUT } else { Self::FIRST }
    }

    /// The lowest version that can read a job which failed with `code`.
    pub(super) const fn of_failure(code: FailureCode) -> Self {
        match code {
            FailureCode::TooSlow | FailureCode::OutOfMemory | FailureCode::WorkerCrashed => Self::WORKER_FAILURES,
            FailureCode::SourceChanged => Self::UPLOADS,
            FailureCode::Rejected | FailureCode::ReviewExpired => Self::REVIEW,
            FailureCode::RoiOutside => Self::SUBJECT,
            FailureCode::MaskMissing | FailureCode::MaskMismatch => Self::MASK,
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
