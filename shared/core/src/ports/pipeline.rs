//! The image pipeline.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::domain::asset::AssetKind;
use crate::domain::attention::Attention;
use crate::domain::crop::Crop;
use crate::domain::failure::Fault;
use crate::domain::fidelity::{ColorSpace, Fidelity, PixelCheck};
use crate::domain::file_format::FileFormat;
use crate::domain::inks::InksNotHeld;
use crate::domain::job::Step;
use crate::domain::keep_metadata::KeepMetadata;
use crate::domain::outcome::{Confidence, Warnings};
use crate::domain::params::{ParamSet, PlannedVariations};
use crate::domain::rendering::Rendering;
use crate::domain::request::Mode;
use crate::domain::requested_format::RequestedFormat;
use crate::domain::review::ReviewRule;
use crate::domain::subject::{PixelBox, SubjectSettings};
use crate::domain::variation::Variation;

/// One photograph to process, and the settings.
#[derive(Debug, Clone)]
pub struct PipelineInput {
    /// The photograph, as uploaded or fetched. Untrusted.
    pub source: Bytes,
    /// The picture behind the subject, as fetched. Untrusted.
    pub backdrop: Option<Bytes>,
    /// The mask of [`MaskSource::File`](crate::domain::subject::MaskSource::File), as uploaded or fetched. Untrusted.
    pub mask: Option<Bytes>,
    /// The clean plate: the scene of the photograph without the subject, of the same size. Untrusted. The HTTP contract calls it
    /// `backdrop`.
    pub plate: Option<Bytes>,
    /// Which pictures to make.
    pub mode: Mode,
    /// The requested format, which takes precedence over the set's.
    pub format: Option<RequestedFormat>,
    /// How files are written; takes precedence over the set's settings.
    pub rendering: Rendering,
    /// The parameter set of mode params; ignored in other modes.
    pub set: Option<ParamSet>,
    /// How the caller steers the cut. Takes precedence over the set's settings.
    pub subject: SubjectSettings,
    /// Which pictures get previews: those that this rule holds for review.
    pub previews: ReviewRule,
    /// What becomes of the evidence of the cut.
    pub evidence: EvidenceUse,
    /// Whether a photograph without a subject gives empty pictures instead of a fault, because a person will look at them.
    pub keeps_empty: bool,
}

/// What becomes of the evidence of a cut: the networks' answers, and the tree of regions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EvidenceUse {
    /// It is not needed later.
    #[default]
    Drop,
    /// It is returned as the assets [`AssetKind::Evidence`] and [`AssetKind::Regions`], since the cut may be made again.
    Keep,
    /// The cut is made again from the asset [`AssetKind::Evidence`] of an earlier run on the same photograph. The networks run
    /// only if it cannot be read, or is about another part of the photograph than the settings ask for. Returned as by
    /// [`EvidenceUse::Keep`].
    Reuse(Bytes),
}

impl EvidenceUse {
    /// Whether the evidence is returned.
    pub const fn is_kept(&self) -> bool {
        match self {
            Self::Drop => false,
            Self::Keep | Self::Reuse(_) => true,
        }
    }
}

impl PipelineInput {
    /// A photograph with default settings.
    pub fn new(source: impl Into<Bytes>, mode: Mode) -> Self {
        let (backdrop, mask, plate, format, set) = (None, None, None, None, None);
        let (rendering, subject) = (Rendering::default(), SubjectSettings::default());
        let (previews, evidence, keeps_empty) = (ReviewRule::Off, EvidenceUse::default(), false);
        let source = source.into();
        Self { source, backdrop, mask, plate, mode, format, rendering, set, subject, previews, evidence, keeps_empty }
    }

    /// The variations that are made; `None` in mode params without a set. As the original, only `clipping` is.
    pub fn planned(&self) -> Option<PlannedVariations> {
        let fixed = |made: &[Variation]| {
            Some(PlannedVariations { made: made.to_vec(), ignored: Vec::new(), final_picture: made.last().copied() })
        };
        match self.mode {
            Mode::Background => fixed(&[Variation::Background]),
            Mode::Clipping if self.format == Some(RequestedFormat::Original) => fixed(&[Variation::Clipping]),
            Mode::Clipping => fixed(&[Variation::Background, Variation::Clipping]),
            Mode::Params => self.set.as_ref().map(ParamSet::planned),
        }
    }

    /// Why the inks of a CMYK photograph cannot be kept as the request asks; `None` if they can, or if it asks for sRGB or
    /// for the original.
    pub fn inks_not_held(&self) -> Option<InksNotHeld> {
        let keeps = self.fidelity().is_some_and(|fidelity| fidelity.color == ColorSpace::Keep);
        let made = self.planned().filter(|_| keeps)?.made;
        made.into_iter().find_map(|variation| {
            let (format, rendering) = self.file(variation);
            InksNotHeld::of(variation, format.encoded()?, rendering.channels)
        })
    }

    /// The format of a variation's file, and how it is written. Of a set, no picture is the original file.
    pub fn file(&self, variation: Variation) -> (RequestedFormat, Rendering) {
        match &self.set {
            Some(set) => {
                let requested = self.format.and_then(RequestedFormat::encoded);
                let (format, rendering) = set.file(variation, requested, &self.rendering);
                (format.into(), rendering)
            }
            None => (self.format.unwrap_or_default(), self.rendering.clone()),
        }
    }

    /// How pictures are cropped: as the request says, or else the set.
    pub fn crop(&self) -> Crop {
        let set = self.set.as_ref().filter(|_| self.mode == Mode::Params);
        self.rendering.crop.or_else(|| set?.cropping()).unwrap_or_default()
    }

    /// How much of the source's metadata the pictures keep: as the request says, or else the set.
    pub fn keep_metadata(&self) -> KeepMetadata {
        let set = self.set.as_ref().filter(|_| self.mode == Mode::Params);
        self.rendering.keep_metadata.or_else(|| set?.keep_metadata).unwrap_or_default()
    }

    /// The depth and the color space that the request, or else the set, states. `None` if they state neither: then files have
    /// the default ones, and nothing is checked.
    pub fn fidelity(&self) -> Option<Fidelity> {
        let output = self.set.as_ref().filter(|_| self.mode == Mode::Params).map(|set| &set.output);
        let depth = self.rendering.depth.or_else(|| output?.depth);
        let color = self.rendering.color.or_else(|| output?.color);
        let stated = depth.is_some() || color.is_some();
        stated.then(|| Fidelity { depth: depth.unwrap_or_default(), color: color.unwrap_or_default() })
    }
}

/// One encoded picture.
#[derive(Debug, Clone)]
pub struct EncodedPicture {
    /// Which picture it is.
    pub variation: Variation,
    /// The file format.
    pub format: FileFormat,
    /// The file.
    pub bytes: Bytes,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One encoded asset.
#[derive(Debug, Clone)]
pub struct EncodedAsset {
    /// Which asset it is.
    pub kind: AssetKind,
    /// The file.
    pub bytes: Bytes,
}

/// The pipeline's result.
///
/// | mode | `pictures` | `final_picture` | `assets` |
/// |---|---|---|---|
/// | background | `background` | `background` | the matte |
/// | clipping | `background`, `clipping` | `clipping` | the matte and the path |
/// | clipping, as the original | `clipping` | `clipping` | the matte and the path |
/// | params | the set's variations ([`ParamSet::planned`]) | the set's `final` | the matte, and the path with `clipping` |
///
/// A run with hints also returns the asset [`AssetKind::Evidence`], and one whose [`PipelineInput::evidence`] is kept, this and
/// [`AssetKind::Regions`]. A photograph that brings its matte has no new evidence; that of an earlier run is returned
/// again. A run whose [`PipelineInput::previews`] asks for it also returns the three previews.
///
/// If the outline cannot be traced as a clean path (hair, fur), the picture `clipping` equals `background`, the assets
/// lack the path, and the warnings say why under `clipping`. As the original, it equals the source.
///
/// Without a subject, a run fails with [`NoSubject`](crate::FailureCode::NoSubject), unless
/// [`PipelineInput::keeps_empty`] is set. Then the pictures are those of the mode, fully transparent, of the
/// photograph's size or smaller. `confidence` is 0, the path is missing, and the only [`PipelineOutput::attention`] gives the
/// reason.
///
/// With [`PipelineInput::crop`], pictures show [`PipelineOutput::crop_box`], except those on which the set places the
/// subject ([`ParamSet::places_subject`]). Assets always belong to the whole photograph.
#[derive(Debug, Clone)]
pub struct PipelineOutput {
    /// The pictures: at least one, each variation at most once.
    pub pictures: Vec<EncodedPicture>,
    /// The picture that `final_url` links to. One of `pictures`.
    pub final_picture: Variation,
    /// The assets, each kind at most once.
    pub assets: Vec<EncodedAsset>,
    /// How sure the cut is.
    pub confidence: Confidence,
    /// The part of the upright photograph that cropped pictures show; `None` if no picture is cropped.
    pub crop_box: Option<PixelBox>,
    /// Where a person should look, worst first; at most [`MAX_ATTENTION`](crate::domain::attention::MAX_ATTENTION) places.
    pub attention: Vec<Attention>,
    /// The delivered pixels compared with the source, if the input has a [fidelity](PipelineInput::fidelity) and a lossless
    /// file shows the photograph at its own scale.
    pub pixel_check: Option<PixelCheck>,
    /// Warnings for the caller, by variation, or under [`SOURCE`](crate::domain::outcome::SOURCE) for the photograph.
    pub warnings: Warnings,
    /// Variations that the set lists without the settings they need. Each has a warning.
    pub ignored: Vec<Variation>,
}

/// A stage of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Decoding the source and separating the subject from its background.
    Background,
    /// Cutting the subject along its path. Only in mode clipping.
    Clipping,
    /// Making the set's pictures. Only in mode params.
    Compose,
}

impl Stage {
    /// The job's step during this stage.
    pub const fn step(self) -> Step {
        match self {
            Self::Background => Step::Background,
            Self::Clipping => Step::Clipping,
            Self::Compose => Step::Compose,
        }
    }
}

/// Receives the pipeline's progress: the current stage, and how much of it is done, in percent. May be called on any
/// thread and at any rate; returns at once and cannot fail. Backward progress is ignored.
pub type Progress<'a> = dyn Fn(Stage, u8) + Send + Sync + 'a;

/// The image pipeline: from the bytes of a photograph to the bytes of pictures. Synchronous and CPU-bound: call it on a
/// thread that may block. A run may take the process down with it, so [`ImageWorkers`](super::ImageWorkers) runs it
/// apart.
pub trait Pipeline: Send + Sync {
    /// Makes the pictures, and reports its progress.
    ///
    /// # Errors
    /// [`Fault`], with a message for the caller: damaged, too large, no subject.
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault>;

    /// The peak memory of a run for this input, in bytes. Reads no more of the source than its header. Excludes the
    /// source itself, and what the pipeline holds between runs. 0 for an input that `run` refuses before it allocates
    /// anything.
    fn memory_needed(&self, input: &PipelineInput) -> u64;

    /// The version of the code and the models: the same version makes the same pictures.
    fn version(&self) -> &str;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::format::OutputFormat;

    #[test]
    fn inks_are_kept_only_where_every_picture_holds_them() {
        let keep = Rendering { color: Some(ColorSpace::Keep), ..Rendering::default() };
        let refusal = |mode, format: Option<RequestedFormat>, set: Option<serde_json::Value>| {
            let set = set.map(|document| ParamSet::read(document).expect("is a set"));
            let input = PipelineInput { format, set, ..PipelineInput::new("", mode) };
            let usual = input.inks_not_held();
            (usual, PipelineInput { rendering: keep.clone(), ..input }.inks_not_held())
        };
        let fixed = |mode, format| refusal(mode, format, None);
        let not_in = |format| (None, Some(InksNotHeld::Format(format)));
        for mode in [Mode::Background, Mode::Clipping] {
            assert_eq!(fixed(mode, None), not_in(OutputFormat::Png));
            for format in [OutputFormat::Jpeg, OutputFormat::Webp] {
                assert_eq!(fixed(mode, Some(format.into())), not_in(format));
            }
            for format in [OutputFormat::Psd, OutputFormat::Tiff] {
                assert_eq!(fixed(mode, Some(format.into())), (None, None));
            }
        }
        assert_eq!(fixed(Mode::Clipping, Some(RequestedFormat::Original)), (None, None));

        // The set asks for itself, and each of its pictures counts.
        let of_set = |document| refusal(Mode::Params, None, Some(document)).0;
        let output = json!({"format": "psd", "color": "keep"});
        assert_eq!(of_set(json!({"variations": ["clipping", "background"], "output": output})), None);
        let mixed = json!({"format": "psd", "color": "keep", "per_variation": {"background": {"format": "webp"}}});
        let not_in_webp = Some(InksNotHeld::Format(OutputFormat::Webp));
        assert_eq!(of_set(json!({"variations": ["clipping", "background"], "output": mixed})), not_in_webp);
        let composed = json!({"variations": ["compose"], "background": "#ffffff", "output": output});
        assert_eq!(of_set(composed), Some(InksNotHeld::Variation(Variation::Compose)));
        let framed = json!({"variations": ["framed"], "framed": {}, "output": output});
        assert_eq!(of_set(framed), Some(InksNotHeld::Variation(Variation::Framed)));
        // A variation that is not made needs no format.
        assert_eq!(of_set(json!({"variations": ["clipping", "compose"], "output": output})), None);
    }
}
