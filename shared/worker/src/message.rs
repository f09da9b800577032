//! The heads of the frames, in JSON.

use std::collections::BTreeSet;

use bytes::Bytes;
use cutline_core::domain::attention::{Attention, AttentionReason, MAX_ATTENTION};
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::outcome::Warnings;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{PixelBox, SubjectSettings};
use cutline_core::ports::{EncodedAsset, EncodedPicture, EvidenceUse, PipelineInput, PipelineOutput, Stage};
use cutline_core::{
    AssetKind, Confidence, Failure, Fault, FileFormat, Mode, ParamSet, Rendering, RequestedFormat, Variation,
};
use serde::{Deserialize, Serialize};

/// A child that has loaded its models.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// The version of the pipeline.
    pub(crate) version: String,
    /// Why the child keeps rights that it should give up, if it does.
    pub(crate) unconfined: Option<String>,
}

/// A child that could not load its models.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NotReady {
    pub(crate) reason: String,
}

/// A photograph and its settings. The body holds the source, then earlier evidence, then the mask, then the
/// clean plate, then the backdrop.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JobHead {
    /// The length of the source in bytes.
    source: u64,
    /// The length of the mask in bytes, if there is one.
    #[serde(default)]
    mask: Option<u64>,
    /// The length of the clean plate in bytes, if there is one.
    #[serde(default)]
    plate: Option<u64>,
    has_backdrop: bool,
    mode: Mode,
    format: Option<RequestedFormat>,
    rendering: Rendering,
    set: Option<ParamSet>,
    #[serde(default)]
    subject: SubjectSettings,
    #[serde(default)]
    previews: ReviewRule,
    #[serde(default)]
    evidence: EvidenceHead,
    #[serde(default)]
    keeps_empty: bool,
}

/// What becomes of the evidence of a cut.
#[derive(Debug, Default, Serialize, Deserialize)]
enum EvidenceHead {
    #[default]
    Drop,
    Keep,
    Reuse {
        /// The length of the earlier evidence in bytes.
        bytes: u64,
    },
}

impl EvidenceHead {
    /// The head, and what goes into the body.
    fn of(evidence: EvidenceUse) -> (Self, Option<Bytes>) {
        match evidence {
            EvidenceUse::Drop => (Self::Drop, None),
            EvidenceUse::Keep => (Self::Keep, None),
            EvidenceUse::Reuse(bytes) => (Self::Reuse { bytes: bytes.len() as u64 }, Some(bytes)),
        }
    }

    /// Takes the evidence from the body. `None` if that is shorter.
    fn take(self, body: &mut Bytes) -> Option<EvidenceUse> {
        Some(match self {
            Self::Drop => EvidenceUse::Drop,
            Self::Keep => EvidenceUse::Keep,
            Self::Reuse { bytes } => EvidenceUse::Reuse(take(body, bytes)?),
        })
    }
}

/// Takes the first bytes of a body. `None` if it is shorter.
fn take(body: &mut Bytes, length: u64) -> Option<Bytes> {
    let length = usize::try_from(length).ok().filter(|length| *length <= body.len())?;
    Some(body.split_to(length))
}

impl JobHead {
    /// The head, and the parts of the body.
    pub(crate) fn of(input: PipelineInput) -> (Self, Vec<Bytes>) {
        let PipelineInput {
            source,
            backdrop,
            mask,
            plate,
            mode,
            format,
            rendering,
            set,
            subject,
            previews,
            evidence,
            keeps_empty,
        } = input;
        let (evidence, earlier) = EvidenceHead::of(evidence);
        let head = Self {
            source: source.len() as u64,
            mask: mask.as_ref().map(|mask| mask.len() as u64),
            plate: plate.as_ref().map(|plate| plate.len() as u64),
            has_backdrop: backdrop.is_some(),
            mode,
            format,
            rendering,
            set,
            subject,
            previews,
            evidence,
            keeps_empty,
        };
        (head, std::iter::once(source).chain(earlier).chain(mask).chain(plate).chain(backdrop).collect())
    }

    /// The input. `None` if the body is shorter than the source, the evidence, the mask and the plate.
    pub(crate) fn into_input(self, mut body: Bytes) -> Option<PipelineInput> {
        let Self {
            source,
            mask,
            plate,
            has_backdrop,
            mode,
            format,
            rendering,
            set,
            subject,
            previews,
            evidence,
            keeps_empty,
        } = self;
        let source = take(&mut body, source)?;
        let evidence = evidence.take(&mut body)?;
        let mask = match mask {
            Some(length) => Some(take(&mut body, length)?),
            None => None,
        };
        let plate = match plate {
            Some(length) => Some(take(&mut body, length)?),
            None => None,
        };
        let backdrop = has_backdrop.then_some(body);
        Some(PipelineInput {
            source,
            backdrop,
            mask,
            plate,
            mode,
            format,
            rendering,
            set,
            subject,
            previews,
            evidence,
            keeps_empty,
        })
    }
}

/// The memory that a job needs, in bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Needs {
    pub(crate) bytes: u64,
}

/// The progress of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProgressHead {
    pub(crate) stage: Stage,
    pub(crate) percent: u8,
}

/// The finished files. The body holds them in this order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DoneHead {
    pictures: Vec<PictureHead>,
    assets: Vec<AssetHead>,
    final_picture: Variation,
    confidence: Confidence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop_box: Option<PixelBox>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attention: Vec<Attention>,
    pixel_check: Option<PixelCheck>,
    warnings: Warnings,
    ignored: Vec<Variation>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PictureHead {
    variation: Variation,
    format: FileFormat,
    width: u32,
    height: u32,
    bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct AssetHead {
    kind: AssetKind,
    bytes: u64,
}

impl DoneHead {
    /// The head, and the parts of the body.
    pub(crate) fn of(output: PipelineOutput) -> (Self, Vec<Bytes>) {
        let PipelineOutput {
            pictures,
            final_picture,
            assets,
            confidence,
            crop_box,
            attention,
            pixel_check,
            warnings,
            ignored,
        } = output;
        let mut parts = Vec::new();
        let mut add = |bytes: Bytes| {
            let length = bytes.len() as u64;
            parts.push(bytes);
            length
        };
        let picture =
            |EncodedPicture { variation, format, bytes, width, height }| (variation, format, width, height, bytes);
        let pictures = pictures.into_iter().map(picture).map(|(variation, format, width, height, bytes)| PictureHead {
            variation,
            format,
            width,
            height,
            bytes: add(bytes),
        });
        let pictures = pictures.collect();
        let assets = assets.into_iter().map(|asset| AssetHead { kind: asset.kind, bytes: add(asset.bytes) }).collect();
        (
            Self { pictures, assets, final_picture, confidence, crop_box, attention, pixel_check, warnings, ignored },
            parts,
        )
    }

    /// The output. `None` if it cannot answer a run with these settings, or the body is shorter or longer than its
    /// files.
    pub(crate) fn into_output(self, mut body: Bytes, settings: &PipelineInput) -> Option<PipelineOutput> {
        if !self.answers(settings) {
            return None;
        }
        let mut take = |length: u64| take(&mut body, length);
        let pictures = self.pictures.into_iter().map(|picture| {
            let PictureHead { variation, format, width, height, bytes } = picture;
            Some(EncodedPicture { variation, format, width, height, bytes: take(bytes)? })
        });
        let pictures = pictures.collect::<Option<_>>()?;
        let assets =
            self.assets.into_iter().map(|asset| Some(EncodedAsset { kind: asset.kind, bytes: take(asset.bytes)? }));
        let assets = assets.collect::<Option<_>>()?;
        let Self { final_picture, confidence, crop_box, attention, pixel_check, warnings, ignored, .. } = self;
        let output = PipelineOutput {
            pictures,
            final_picture,
            assets,
            confidence,
            crop_box,
            attention,
            pixel_check,
            warnings,
            ignored,
        };
        body.is_empty().then_some(output)
    }
}

impl DoneHead {
    /// Whether each variation and asset is there at most once, in the format that was asked for, the final picture is
    /// among them, nothing is cropped without being asked for, only as many places as allowed need attention, and no cut
    /// is empty without being asked for.
    fn answers(&self, settings: &PipelineInput) -> bool {
        let variations: BTreeSet<_> = self.pictures.iter().map(|picture| picture.variation).collect();
        let kinds: BTreeSet<_> = self.assets.iter().map(|asset| asset.kind).collect();
        let ignored: BTreeSet<_> = self.ignored.iter().collect();
        variations.len() == self.pictures.len()
            && kinds.len() == self.assets.len()
            && ignored.len() == self.ignored.len()
            && variations.contains(&self.final_picture)
            && (self.crop_box.is_none() || settings.crop().margin().is_some())
            && self.attention.len() <= MAX_ATTENTION
            && (settings.keeps_empty || self.attention.iter().all(|place| place.reason != AttentionReason::NoSubject))
            && (self.pixel_check.is_none() || settings.fidelity().is_some())
            && self.pictures.iter().all(|picture| settings.file(picture.variation).0.gives(picture.format))
    }
}

/// The longest message of a fault, in characters.
const MAX_MESSAGE: usize = 500;

/// The pipeline's fault.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FaultHead {
    is_permanent: bool,
    failure: Failure,
}

impl From<Fault> for FaultHead {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Retry(failure) => Self { is_permanent: false, failure },
            Fault::Fail(failure) => Self { is_permanent: true, failure },
        }
    }
}

impl From<FaultHead> for Fault {
    fn from(mut head: FaultHead) -> Self {
        if let Some((end, _)) = head.failure.message.char_indices().nth(MAX_MESSAGE) {
            head.failure.message.truncate(end);
        }
        if head.is_permanent { Self::Fail(head.failure) } else { Self::Retry(head.failure) }
    }
}
