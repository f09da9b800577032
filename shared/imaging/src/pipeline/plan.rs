//! The plan of a run: the files to make, and their settings. Built once from the input, before any work.

use bytes::Bytes;
use cutline_core::domain::choice::sentence_list;
use cutline_core::domain::crop::{Crop, CropMargin};
use cutline_core::domain::fidelity::{Depth, Fidelity};
use cutline_core::domain::inks::InksNotHeld;
use cutline_core::domain::keep_metadata::KeepMetadata;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::params::{Background, Color, ImageFit, ParamSet, PlannedVariations};
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{InvalidCoordinate, SubjectSettings};
use cutline_core::ports::{EvidenceUse, PipelineInput};
use cutline_core::{Channels, Mode, OutputFormat, Rendering, RequestedFormat, Variation};

use super::framed_plan::FramedPlan;
pub(super) use super::picture_plan::PicturePlan;
use crate::error::Error;
use crate::insert::MAX_JPEG_NODES;

/// The files that one run makes. The matte is always among them.
pub(super) struct Plan<'a> {
    pub(super) mode: Mode,
    /// The file of the photograph.
    pub(super) source: &'a Bytes,
    /// The file of the mask, if one was passed in.
    pub(super) mask: Option<&'a Bytes>,
    /// The file of the clean plate, if one was passed in.
    pub(super) plate: Option<&'a Bytes>,
    /// The picture `background`: the soft cut-out at the photograph's size.
    pub(super) background: Option<PicturePlan>,
    /// The picture `clipping`, cut along a path. The path itself is delivered with it.
    pub(super) clipping: Option<PicturePlan>,
    /// The picture `clipping` as the source itself, with the path inserted. Then no other picture is made.
    pub(super) original: Option<OriginalPlan<'a>>,
    /// The pictures on a canvas.
    pub(super) composed: Option<ComposedPlan<'a>>,
    /// The picture `framed`: the photograph itself, cropped around the subject.
    pub(super) framed: Option<FramedPlan<'a>>,
    /// The color behind the subject in pictures of the photograph's size whose format has no alpha. `None` leaves the
    /// white of the encoder.
    pub(super) flat_color: Option<Color>,
    /// The margin of pictures that are cropped around the subject. `None` leaves them whole.
    pub(super) crop: Option<CropMargin>,
    /// Whether pictures hold all metadata of the source.
    pub(super) keeps_all_metadata: bool,
    /// The depth and the color space that are asked for; `None` if nothing is, and then no pixels are checked.
    pub(super) fidelity: Option<Fidelity>,
    /// Why the inks of a CMYK photograph cannot be kept as is asked for; `None` if they can, or are not.
    pub(super) inks_not_held: Option<InksNotHeld>,
    /// How the matte is written.
    pub(super) matte: Rendering,
    /// The picture that `final_url` links to.
    pub(super) final_picture: Variation,
    /// How the caller steers the cut.
    pub(super) subject: SubjectSettings,
    /// What becomes of the evidence of the cut.
    pub(super) evidence: &'a EvidenceUse,
    /// Variations that the set asks for without their settings.
    pub(super) ignored: Vec<Variation>,
    /// Which cuts get previews.
    pub(super) previews: ReviewRule,
    /// Whether a photograph without a subject gives empty pictures.
    pub(super) keeps_empty: bool,
    /// Whether the path keeps parts that are tiny next to the largest one. The networks err in such parts, and a matte that
    /// is brought has them on purpose. Set once the photograph is decoded.
    pub(super) keeps_tiny_parts: bool,
}

/// The source itself, with the path inserted.
pub(super) struct OriginalPlan<'a> {
    pub(super) source: &'a Bytes,
    pub(super) rendering: Rendering,
}

/// The pictures on a canvas, and the settings that they share.
pub(super) struct ComposedPlan<'a> {
    pub(super) set: &'a ParamSet,
    /// At least one, in the order of the set.
    pub(super) pictures: Vec<PicturePlan>,
    pub(super) backdrop: BackdropPlan<'a>,
    /// Whether the photograph's own shadow is kept, if it can be separated from the background.
    pub(super) keeps_shadow: bool,
    /// Whether they are cropped: the plan crops, and the set leaves the subject where it is in the photograph.
    pub(super) is_cropped: bool,
    /// How many times the photograph's sides are those of the one that the set's scale refers to: below 1 for a preview.
    pub(super) reduction: f64,
}

/// The background of a canvas.
#[derive(Debug, Clone, Copy)]
pub(super) enum BackdropPlan<'a> {
    Transparent,
    Color(Color),
    /// `color` shows where the picture is transparent or does not reach.
    Picture {
        file: &'a Bytes,
        fit: ImageFit,
        color: Color,
    },
}

impl<'a> Plan<'a> {
    /// Plans the run for an input.
    ///
    /// # Errors
    /// [`Error::NoSet`] in mode params without a set that makes anything; [`Error::NoBackdrop`] if the set has a
    /// background image and its file is missing; [`Error::OriginalWithoutPath`] if the original is asked for in a mode
    /// that makes no path for it; [`Error::OriginalCropped`] if it is to be cropped; [`Error::OriginalStripped`] if it is
    /// to lose metadata.
    pub(super) fn new(input: &'a PipelineInput) -> Result<Self, Error> {
        let original = input.format == Some(RequestedFormat::Original);
        if original && input.mode != Mode::Clipping {
            return Err(Error::OriginalWithoutPath);
        }
        let crop = input.crop();
        if original && crop != Crop::Whole {
            return Err(Error::OriginalCropped);
        }
        if original && !matches!(input.rendering.keep_metadata, None | Some(KeepMetadata::All)) {
            return Err(Error::OriginalStripped);
        }
        let keep_metadata = input.keep_metadata();
        let set = input.set.as_ref().filter(|_| input.mode == Mode::Params);
        let PlannedVariations { made, ignored, final_picture } = input.planned().ok_or(Error::NoSet)?;
        // The original is no new file.
        let pictures = made.into_iter().filter_map(|variation| {
            let (format, rendering) = input.file(variation);
            Some(PicturePlan { variation, format: format.encoded()?, rendering })
        });
        let (composed, own): (Vec<_>, Vec<_>) = pictures.partition(|picture| picture.variation.is_composed());
        let own_picture = |variation| own.iter().find(|picture| picture.variation == variation).cloned();
        Ok(Self {
            mode: input.mode,
            source: &input.source,
            mask: input.mask.as_ref(),
            plate: input.plate.as_ref(),
            background: own_picture(Variation::Background),
            clipping: own_picture(Variation::Clipping),
            original: original.then(|| OriginalPlan { source: &input.source, rendering: input.rendering.clone() }),
            composed: match set {
                Some(set) => ComposedPlan::new(set, composed, input.backdrop.as_ref(), crop)?,
                None => None,
            },
            framed: set.and_then(|set| FramedPlan::new(set, own_picture(Variation::Framed)?)),
            flat_color: set.and_then(flat_color),
            crop: crop.margin(),
            fidelity: input.fidelity(),
            inks_not_held: input.inks_not_held(),
            matte: Rendering {
                channels: Channels::Alpha,
                dpi: input.rendering.dpi,
                keep_metadata: Some(of_matte(keep_metadata)),
                ..Rendering::default()
            },
            keeps_all_metadata: keep_metadata == KeepMetadata::All && !original,
            final_picture: final_picture.ok_or(Error::NoSet)?,
            subject: input.subject.clone().or(set.map(ParamSet::subject).unwrap_or_default()),
            evidence: &input.evidence,
            ignored,
            previews: input.previews,
            keeps_empty: input.keeps_empty,
            keeps_tiny_parts: false,
        })
    }

    /// The pictures of the photograph's size.
    pub(super) fn photo_size_pictures(&self) -> impl Iterator<Item = &PicturePlan> {
        self.background.iter().chain(&self.clipping)
    }

    /// Plans the same pictures from a photograph whose sides are `factor` times as long.
    ///
    /// # Errors
    /// [`InvalidCoordinate`] if a margin would be out of range.
    pub(super) fn reduce(&mut self, factor: f64) -> Result<(), InvalidCoordinate> {
        if let Some(composed) = &mut self.composed {
            composed.reduction *= factor;
        }
        if let Some(framed) = &mut self.framed {
            framed.margin = framed.margin.scaled(factor)?;
        }
        Ok(())
    }

    /// Whether the photograph's own shadow is kept, if it can be separated from the background.
    pub(super) fn keeps_shadow(&self) -> bool {
        self.composed.as_ref().is_some_and(|composed| composed.keeps_shadow)
    }

    /// Whether no picture but `framed` is made.
    pub(super) fn has_framed_alone(&self) -> bool {
        let others = self.photo_size_pictures().chain(self.composed_pictures()).count();
        self.framed.is_some() && others == 0
    }

    /// How the path is made, if the plan needs one.
    pub(super) fn path_rendering(&self) -> Option<&Rendering> {
        let original = self.original.as_ref().map(|original| &original.rendering);
        self.clipping.as_ref().map(|picture| &picture.rendering).or(original)
    }

    /// The most nodes of the path, if its file asks for a simple one.
    pub(super) fn max_nodes(&self) -> Option<usize> {
        let is_jpeg = |original: &OriginalPlan<'_>| ImageKind::sniff(original.source) == Some(ImageKind::Jpeg);
        self.original.as_ref().is_some_and(is_jpeg).then_some(MAX_JPEG_NODES)
    }

    /// Whether the caller brings the matte, so that no network runs.
    pub(super) fn brings_matte(&self) -> bool {
        self.subject.mask_source.unwrap_or_default().is_brought()
    }

    /// The warning about settings that have no effect on a matte that the caller brings.
    pub(super) fn unused_settings(&self) -> Option<String> {
        let source = self.subject.mask_source.filter(|source| source.is_brought())?;
        let unused = sentence_list(self.subject.steering(), "and");
        (!unused.is_empty()).then(|| {
            format!(
                "The cut is the mask's alone (mask_source={}), so {unused} had no effect. Send mask_source=auto to use \
                 the networks and these settings.",
                source.as_str()
            )
        })
    }

    /// The warning about a clean plate that has no effect on a matte that the caller or the source brings.
    pub(super) fn unused_plate(&self) -> Option<String> {
        let unused = "The clean plate had no effect: the cut is that of a mask or of the source's own transparency.";
        self.plate.map(|_| unused.to_owned())
    }

    /// The pictures on a canvas.
    pub(super) fn composed_pictures(&self) -> &[PicturePlan] {
        self.composed.as_ref().map_or(&[], |composed| &composed.pictures)
    }

    /// Whether any picture leaves the subject where it is in the photograph, so that it can be cropped.
    pub(super) fn has_pictures_to_crop(&self) -> bool {
        self.photo_size_pictures().next().is_some()
            || self.composed.as_ref().is_some_and(|composed| composed.is_cropped)
    }

    /// Whether a picture holds the photograph in a hidden layer.
    fn has_original_layer(&self) -> bool {
        self.photo_size_pictures().any(|picture| picture.format == OutputFormat::Psd && picture.has_colors())
    }

    /// Whether pictures are compared with the photograph.
    pub(super) fn checks_pixels(&self) -> bool {
        self.fidelity.is_some() && self.photo_size_pictures().any(PicturePlan::has_colors)
    }

    /// Whether the photograph has to stay in memory.
    pub(super) fn keeps_original(&self) -> bool {
        self.has_original_layer() || self.checks_pixels()
    }

    /// Whether files may have 16 bits a channel. Whether they do may depend on the source.
    pub(super) fn may_be_deep(&self) -> bool {
        match self.fidelity.map(|fidelity| fidelity.depth) {
            None | Some(Depth::Eight) => false,
            Some(Depth::Sixteen) => true,
            Some(Depth::Keep) => {
                let deep = [ImageKind::Png, ImageKind::Tiff, ImageKind::Psd, ImageKind::Avif, ImageKind::Heic];
                ImageKind::sniff(self.source).is_some_and(|kind| deep.contains(&kind))
            }
        }
    }
}

/// The matte shows no scene, so it has the credit at most.
const fn of_matte(kept: KeepMetadata) -> KeepMetadata {
    match kept {
        KeepMetadata::All | KeepMetadata::Credit => KeepMetadata::Credit,
        KeepMetadata::None => KeepMetadata::None,
    }
}

/// The set's color behind the subject, if it is not the white that encoders use anyway.
fn flat_color(set: &ParamSet) -> Option<Color> {
    let color = match &set.background {
        Some(Background::Color { color }) => Some(*color),
        Some(Background::Picture(picture)) => picture.color,
        Some(Background::Transparent) | None => None,
    };
    color.filter(|color| *color != Color::WHITE)
}

impl<'a> ComposedPlan<'a> {
    /// `None` if there is nothing to compose.
    fn new(
        set: &'a ParamSet,
        pictures: Vec<PicturePlan>,
        backdrop: Option<&'a Bytes>,
        crop: Crop,
    ) -> Result<Option<Self>, Error> {
        if pictures.is_empty() {
            return Ok(None);
        }
        let backdrop = match &set.background {
            None => BackdropPlan::Color(Color::WHITE),
            Some(Background::Transparent) => BackdropPlan::Transparent,
            Some(Background::Color { color }) => BackdropPlan::Color(*color),
            Some(Background::Picture(picture)) => BackdropPlan::Picture {
                file: backdrop.ok_or(Error::NoBackdrop)?,
                fit: picture.fit,
                color: picture.color.unwrap_or(Color::WHITE),
            },
        };
        let composes = pictures.iter().any(|picture| picture.variation == Variation::Compose);
        let is_cropped = crop != Crop::Whole && !set.places_subject();
        let keeps_shadow = set.preserve_shadow && composes;
        Ok(Some(Self { set, backdrop, keeps_shadow, is_cropped, pictures, reduction: 1.0 }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(mode: Mode, set: Option<serde_json::Value>) -> PipelineInput {
        let set = set.map(|document| ParamSet::read(document).expect("is a set"));
        PipelineInput { set, ..PipelineInput::new(Bytes::new(), mode) }
    }

    fn variations(plan: &Plan<'_>) -> Vec<Variation> {
        plan.photo_size_pictures().chain(plan.composed_pictures()).map(|picture| picture.variation).collect()
    }

    #[test]
    fn modes_without_a_set_have_fixed_variations() {
        let background = input(Mode::Background, Some(json!({"canvas": {"aspect": "1:1"}})));
        let plan = Plan::new(&background).expect("is planned");
        assert_eq!(variations(&plan), [Variation::Background], "the set does not count");
        let clipping = input(Mode::Clipping, None);
        let plan = Plan::new(&clipping).expect("is planned");
        assert_eq!(variations(&plan), [Variation::Background, Variation::Clipping]);
        assert_eq!(plan.final_picture, Variation::Clipping);
        assert!(matches!(Plan::new(&input(Mode::Params, None)), Err(Error::NoSet)));
    }

    #[test]
    fn the_original_is_the_only_picture_and_needs_mode_clipping() {
        let original = |mode| PipelineInput { format: Some(RequestedFormat::Original), ..input(mode, None) };
        let clipping = original(Mode::Clipping);
        let plan = Plan::new(&clipping).expect("is planned");
        assert!(plan.original.is_some() && plan.path_rendering().is_some());
        assert_eq!((variations(&plan), plan.final_picture), (Vec::new(), Variation::Clipping));
        for mode in [Mode::Background, Mode::Params] {
            assert!(matches!(Plan::new(&original(mode)), Err(Error::OriginalWithoutPath)), "{mode:?}");
        }
    }

    fn cropped(mode: Mode, set: Option<serde_json::Value>, crop: Option<Crop>) -> PipelineInput {
        let rendering = Rendering { crop, ..Rendering::default() };
        PipelineInput { rendering, ..input(mode, set) }
    }

    #[test]
    fn a_request_or_its_set_crops_what_the_set_does_not_place() {
        let margin: CropMargin = "5%".parse().expect("a margin");
        let subject = Some(Crop::Subject { margin });
        // The margin, whether there is a picture to crop, and whether composed ones are cropped.
        let planned = |set: serde_json::Value, crop| {
            let input = cropped(Mode::Params, Some(set), crop);
            let plan = Plan::new(&input).expect("is planned");
            (plan.crop, plan.has_pictures_to_crop(), plan.composed.is_some_and(|composed| composed.is_cropped))
        };
        let plain = json!({"background": "#ffffff", "variations": ["compose"]});
        let square = json!({"canvas": {"aspect": "1:1"}, "variations": ["compose"]});
        let both = json!({"canvas": {"aspect": "1:1"}, "variations": ["compose", "clipping"]});
        assert_eq!(planned(plain.clone(), None), (None, false, false));
        assert_eq!(planned(plain.clone(), subject), (Some(margin), true, true));
        assert_eq!(planned(square.clone(), subject), (Some(margin), false, false));
        assert_eq!(planned(both, subject), (Some(margin), true, false));
        let own = |mut set: serde_json::Value| {
            set["crop"] = json!("subject");
            set["crop_margin"] = json!("12px");
            set
        };
        assert_eq!(planned(own(plain.clone()), None).0.map(|margin| margin.to_string()).as_deref(), Some("12"));
        assert_eq!(planned(own(plain.clone()), subject).0, Some(margin), "the request takes precedence");
        assert_eq!(planned(own(plain), Some(Crop::Whole)), (None, false, false));
        // In other modes the set does not count.
        let other = cropped(Mode::Background, Some(own(square)), None);
        assert_eq!(Plan::new(&other).expect("is planned").crop, None);
    }

    #[test]
    fn the_original_is_not_cropped() {
        let subject = Some(Crop::Subject { margin: CropMargin::default() });
        let original =
            PipelineInput { format: Some(RequestedFormat::Original), ..cropped(Mode::Clipping, None, subject) };
        assert!(matches!(Plan::new(&original), Err(Error::OriginalCropped)));
    }

    #[test]
    fn metadata_are_kept_as_asked_and_by_the_original_always() {
        let kept = |mode, format: Option<RequestedFormat>, asked, of_set: Option<&str>| {
            let set = of_set.map(|kept| json!({"variations": ["background"], "keep_metadata": kept}));
            let rendering = Rendering { keep_metadata: asked, ..Rendering::default() };
            let input = PipelineInput { rendering, format, ..input(mode, set) };
            Plan::new(&input).map(|plan| {
                let picture = plan.photo_size_pictures().next().and_then(|picture| picture.rendering.keep_metadata);
                (plan.keeps_all_metadata, picture, plan.matte.keep_metadata)
            })
        };
        let (all, none, credit) = (Some(KeepMetadata::All), Some(KeepMetadata::None), Some(KeepMetadata::Credit));
        let planned = |asked, of_set| kept(Mode::Params, None, asked, of_set).expect("is planned");
        assert_eq!(planned(None, Some("all")), (true, all, credit));
        assert_eq!(planned(none, Some("all")), (false, none, none));
        assert_eq!(kept(Mode::Background, None, all, None).expect("is planned"), (true, all, credit));
        let original = |asked| kept(Mode::Clipping, Some(RequestedFormat::Original), asked, None);
        assert!(matches!((original(None), original(all)), (Ok((false, ..)), Ok((false, ..)))));
        assert!(matches!(
            (original(none), original(credit)),
            (Err(Error::OriginalStripped), Err(Error::OriginalStripped))
        ));
    }

    #[test]
    fn a_set_plans_its_variations_and_formats() {
        let document = json!({
            "canvas": {"aspect": "1:1"}, "background": "#102030", "preserve_shadow": true,
            "variations": ["compose", "clipping", "shadowTop"],
            "output": {"per_variation": {"clipping": {"format": "psd"}}},
        });
        let input = input(Mode::Params, Some(document));
        let plan = Plan::new(&input).expect("is planned");
        assert_eq!(variations(&plan), [Variation::Clipping, Variation::Compose]);
        assert_eq!(plan.ignored, [Variation::ShadowTop]);
        assert!(plan.keeps_original() && plan.composed.as_ref().is_some_and(|composed| composed.keeps_shadow));
        assert_eq!(plan.flat_color, Some(Color([0x10, 0x20, 0x30])));
    }

    #[test]
    fn a_background_image_needs_its_file() {
        let document = json!({"background": {"image_url": "https://example.com/a.png"}, "variations": ["compose"]});
        let without = input(Mode::Params, Some(document));
        assert!(matches!(Plan::new(&without), Err(Error::NoBackdrop)));
        let with = PipelineInput { backdrop: Some(Bytes::from_static(b"file")), ..without };
        let plan = Plan::new(&with).expect("is planned");
        let backdrop = plan.composed.map(|composed| composed.backdrop);
        assert!(matches!(backdrop, Some(BackdropPlan::Picture { color: Color::WHITE, .. })));
    }
}
