//! The version of a job's record, and the attributes of newer releases.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::spec::{JobSpec, Source};
use crate::domain::asset::AssetKind;
use crate::domain::crop::Crop;
use crate::domain::failure::FailureCode;
use crate::domain::keep_metadata::KeepMetadata;
use crate::domain::mask::MaskContent;
use crate::domain::outcome::Outcome;
use crate::domain::output_name::OutputName;
use crate::domain::rendering::Rendering;
use crate::domain::requested_format::RequestedFormat;
use crate::domain::subject::{MaskSource, SubjectChanges, SubjectSettings};

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
    /// Readers of jobs that say how faithful their files are: which metadata (`keep_metadata`), which bits a channel (`depth`)
    /// and which color space (`color`) they have, all of which earlier ones would ignore.
    pub const FIDELITY: Self = Self(12);
    /// Readers of parameter sets that frame the photograph or fix the subject's scale, and of the variation that this added.
    pub const FRAMING: Self = Self(13);
    /// Readers of the places to look at in a result. Earlier ones would lose them, since a state's unknown attributes do not
    /// survive, and would let an empty draft be approved.
    pub const ATTENTION: Self = Self(14);
    /// Readers of recuts that move a clipping path. Earlier ones would not move it back if the recut fails.
    pub const RECUT_INSET: Self = Self(15);
    /// Readers of the placeholders `{revision}` and `{metadata.KEY}` in `output_name`.
    pub const NAMES: Self = Self(16);
    /// Readers of masks that were dropped as retouched files.
    pub const RETOUCH: Self = Self(17);
    /// The newest version that this release reads.
    pub const CURRENT: Self = Self::RETOUCH;

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
        let of_files = Self::of_metadata(spec.rendering.keep_metadata).max(Self::of_fidelity(&spec.rendering));
        let has_new_name = spec.output_name.as_ref().is_some_and(OutputName::has_added_placeholder);
        let of_name = if has_new_name { Self::NAMES } else { Self::FIRST };
        let has_framing = spec.set.as_ref().is_some_and(|used| used.set.has_framing());
        let of_set = if has_framing { Self::FRAMING } else { Self::FIRST };
        let of_mask = Self::of_mask(spec.mask.as_ref().map(|mask| &mask.content));
        let of_output = Self::of_format(spec.format).max(of_crop).max(of_files).max(of_name).max(of_set);
        of_source.max(of_previews).max(of_subject).max(of_mask).max(of_output)
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

    /// The lowest version that can read a job that is cut again with these changes.
    pub(super) fn of_changes(changes: &SubjectChanges) -> Self {
        let of_path = if changes.path_inset.is_some() { Self::RECUT_INSET } else { Self::FIRST };
        of_path.max(Self::of_mask(changes.mask.as_ref()))
    }

    /// The lowest version that can read a job with this mask, apart from its settings.
    const fn of_mask(content: Option<&MaskContent>) -> Self {
        match content {
            Some(MaskContent::Drop(_)) => Self::RETOUCH,
            Some(MaskContent::Sha256(_) | MaskContent::Url(_) | MaskContent::Upload { .. }) | None => Self::FIRST,
        }
    }

    /// The lowest version that can read a job whose pictures keep this, and does so.
    const fn of_metadata(kept: Option<KeepMetadata>) -> Self {
        match kept {
            Some(KeepMetadata::All | KeepMetadata::None) => Self::FIDELITY,
            Some(KeepMetadata::Credit) | None => Self::FIRST,
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
        let of_assets = if outcome.assets.contains_key(&AssetKind::Regions) { Self::RECUT } else { Self::FIRST };
        if outcome.attention.is_empty() { of_assets } else { of_assets.max(Self::ATTENTION) }
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
