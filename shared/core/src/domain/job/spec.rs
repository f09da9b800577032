//! A job's request.

use serde::{Deserialize, Serialize};

use crate::domain::correlation::{ExternalId, Metadata};
use crate::domain::crop::Crop;
use crate::domain::fidelity::{ColorSpace, Depth};
use crate::domain::id_pattern::IdPattern;
use crate::domain::keep_metadata::KeepMetadata;
use crate::domain::mask::JobMask;
use crate::domain::outcome::Warnings;
use crate::domain::output_name::{OutputName, SourceName};
use crate::domain::params::{ParamSet, Revision, SetName};
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode, SourceUrl};
use crate::domain::requested_format::RequestedFormat;
use crate::domain::review::ReviewRule;
use crate::domain::subject::{MaskSource, SubjectSettings};
use crate::domain::upload::{ETag, UploadKey};

/// Where the photograph comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It came with the request and is stored under [`crate::StorageKey::Source`].
    Stored,
    /// It is fetched from here once, and then stored under [`crate::StorageKey::Source`].
    Url(SourceUrl),
    /// It was uploaded directly. It is copied once, if it still has this ETag, and then stored under
    /// [`crate::StorageKey::Source`].
    Upload {
        /// The key of the upload.
        key: UploadKey,
        /// Identifies the content that the job was accepted with.
        etag: ETag,
    },
}

/// A job's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Which pictures to make.
    pub mode: Mode,
    /// How the status lists the pictures.
    pub delivery: DeliveryMode,
    /// The requested file format. `None` leaves it to the parameter set, or else to the default.
    #[serde(default)]
    pub format: Option<RequestedFormat>,
    /// How files are written. Absent in the oldest records, which had the default.
    #[serde(default)]
    pub rendering: Rendering,
    /// The parameter set of mode params, as it was when the job was created.
    #[serde(default)]
    pub set: Option<JobParamSet>,
    /// Whether the job is held for review.
    #[serde(default, skip_serializing_if = "ReviewRule::is_off")]
    pub review: ReviewRule,
    /// Whether the pictures get previews, also if the job is not held for review.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub previews: bool,
    /// The photograph.
    pub source: Source,
    /// How the caller steers the cut: the request's settings, and the parameter set's where it has none.
    #[serde(default, skip_serializing_if = "SubjectSettings::is_empty")]
    pub subject: SubjectSettings,
    /// The last mask that came as a file. It stays when the job is cut again by something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<JobMask>,
    /// The caller's id of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// The caller's own strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// The names of the job's files: the request's, or else the parameter set's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_name: Option<OutputName>,
    /// The name of the photograph's file, if `output_name` needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_name: Option<SourceName>,
    /// Values that were missing when the job was accepted. Its results have these warnings too.
    #[serde(default, skip_serializing_if = "Warnings::is_empty")]
    pub warnings: Warnings,
}

impl JobSpec {
    /// Whether anything has to be fetched or copied before the pictures can be made.
    pub fn needs_intake(&self) -> bool {
        let has_backdrop = self.set.as_ref().is_some_and(|used| used.set.backdrop().is_some());
        let fetches_mask = self.mask_file().is_some_and(|mask| mask.url().is_some());
        match self.source {
            Source::Stored => has_backdrop || fetches_mask,
            Source::Url(_) | Source::Upload { .. } => true,
        }
    }

    /// The mask that the picture is cut by, if it comes as a file.
    pub fn mask_file(&self) -> Option<&JobMask> {
        self.mask.as_ref().filter(|_| self.subject.mask_source == Some(MaskSource::File))
    }

    /// Which pictures get previews: those of jobs for which this rule asks for review.
    pub fn preview_rule(&self) -> ReviewRule {
        if self.previews { ReviewRule::Always } else { self.review }
    }
}

/// The parameter set of a job: a copy, so later changes to the stored set do not affect the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobParamSet {
    /// The set's name; `None` if the request contained the set itself.
    pub name: Option<SetName>,
    /// The revision of the stored set; `None` for a built-in or inline set.
    pub revision: Option<Revision>,
    /// The set.
    pub set: ParamSet,
}

impl JobParamSet {
    /// Moves the set's settings for the cut out, for the same reason.
    pub(crate) fn take_subject(&mut self) -> SubjectSettings {
        let subject = self.set.subject();
        (self.set.roi, self.set.keep, self.set.holes, self.set.mask_source) = (None, None, None, None);
        subject
    }

    /// Moves the set's `output_name` out: a job has its own, which releases that do not know this setting keep.
    pub(crate) fn take_output_name(&mut self) -> Option<OutputName> {
        self.set.output_name.take()
    }

    /// Moves the set's `review` out, for the same reason.
    pub(crate) fn take_review(&mut self) -> Option<ReviewRule> {
        self.set.review.take()
    }

    /// Moves the set's crop out, for the same reason.
    pub(crate) fn take_crop(&mut self) -> Option<Crop> {
        let crop = self.set.cropping();
        (self.set.crop, self.set.crop_margin) = (None, None);
        crop
    }

    /// Moves the set's `keep_metadata` out, for the same reason.
    pub(crate) fn take_keep_metadata(&mut self) -> Option<KeepMetadata> {
        self.set.keep_metadata.take()
    }

    /// Moves the set's depth and color space out, for the same reason.
    pub(crate) fn take_fidelity(&mut self) -> (Option<Depth>, Option<ColorSpace>) {
        let output = &mut self.set.output;
        (output.depth.take(), output.color.take())
    }

    /// Moves the set's `previews` out, for the same reason.
    pub(crate) fn take_previews(&mut self) -> Option<bool> {
        self.set.previews.take()
    }

    /// Moves the set's `id_pattern` out: a job has what it read.
    pub(crate) fn take_id_pattern(&mut self) -> Option<IdPattern> {
        self.set.id_pattern.take()
    }
}
