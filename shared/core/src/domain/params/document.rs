//! The document itself.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::framed::Framed;
use super::layout::{Align, Background, Canvas};
use super::output::{OutputSettings, Promise};
use super::shadow::{ShadowGround, ShadowTop, ShadowWall};
use super::values::{Baseline, Enlargement, Fill, Length, Scale};
use crate::domain::crop::{Crop, CropChoice, CropMargin};
use crate::domain::format::OutputFormat;
use crate::domain::id_pattern::IdPattern;
use crate::domain::keep_metadata::KeepMetadata;
use crate::domain::limits::{MAX_ID_PATTERN_CHARS, MAX_OUTPUT_NAME_CHARS};
use crate::domain::output_name::OutputName;
use crate::domain::rendering::Rendering;
use crate::domain::request::SourceUrl;
use crate::domain::review::ReviewRule;
use crate::domain::subject::{Holes, Keep, KeepChoice, MaskSource, Roi, SubjectSettings};
use crate::domain::variation::Variation;

/// The version of the document that is read and written.
pub const VERSION: u32 = 1;

/// A parameter set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Cutline parameter set", deny_unknown_fields)]
pub struct ParamSet {
    /// The version of this document's format.
    #[schemars(range(min = 1, max = 1), default = "current")]
    pub version: u32,
    /// The size of the composed pictures. Without it they have the photograph's size, and the subject stays where it
    /// is unless margin or fill move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canvas: Option<Canvas>,
    /// The background of composed pictures, and of pictures in formats without transparency. White by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
    /// The least room on every side, below 50% of the canvas's short side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<Length>,
    /// How much of the canvas the subject takes along the side where it takes most. If margin is set too, the smaller
    /// size wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    /// How many pixels of the composed picture one of the photograph becomes, in place of fill: 0.01 to 10. All pictures of
    /// one product then keep one scale. A subject that does not fit is reduced, and a warning says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Where the subject's lowest row stands, as a percentage of the canvas's height, in place of align.y and of the lower
    /// margin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Where the subject stands within the margins.
    #[serde(skip_serializing_if = "is_default", default)]
    pub align: Align,
    /// How many times larger than in the photograph the subject may become before a warning says so; 1.5 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enlargement: Option<Enlargement>,
    /// The soft shadow around the subject in variation shadowTop, as of a flat lay lit from above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_top: Option<ShadowTop>,
    /// The shadow on the wall behind the subject in variation shadow_wall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_wall: Option<ShadowWall>,
    /// The shadow on the ground beneath the subject in variation compose, for a standing subject seen from the side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_ground: Option<ShadowGround>,
    /// Keeps the photograph's own shadow in variation compose if it was taken against a studio backdrop. Otherwise
    /// shadow_ground is used.
    #[serde(skip_serializing_if = "is_default", default)]
    pub preserve_shadow: bool,
    /// The photograph itself in variation framed, cropped around the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framed: Option<Framed>,
    /// The variations to make, in this order; all by default, but framed only with its settings. Variations without their
    /// settings are skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub variations: Option<Vec<Variation>>,
    /// The picture that `final_url` links to: by default clipping if it is made, else the last variation made.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub final_picture: Option<Variation>,
    /// How the files are written. Fields of the request take precedence.
    #[serde(skip_serializing_if = "is_default", default)]
    pub output: OutputSettings,
    /// A regular expression that the names of the photographs' files match as a whole, without extension. The text of its
    /// group `sku` becomes the job's external_id, and that of `shot` the member `shot` of metadata. Fields of the request
    /// take precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = MAX_ID_PATTERN_CHARS))]
    pub id_pattern: Option<IdPattern>,
    /// The names of the files, without extension, with {external_id}, {job_id}, {variation}, {source_name}, {revision} and
    /// {metadata.KEY}. A field of the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = MAX_OUTPUT_NAME_CHARS))]
    pub output_name: Option<OutputName>,
    /// Whether the pictures are held for a person to look at: "off", "always", or {"below": 0.5} for a confidence below
    /// that. A field of the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewRule>,
    /// Whether the pictures get previews, also if they are not held for review. A field of the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previews: Option<bool>,
    /// The part of the photograph that counts, "x1 y1 x2 y2" in pixels or percentages: outside is background. A field of the
    /// request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub roi: Option<Roi>,
    /// Which objects are the subject: all by default, or the main one. A field of the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepChoice>,
    /// What becomes of regions that the subject encloses; auto by default. A field of the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holes: Option<Holes>,
    /// What the matte comes from: auto by default, or the photograph's own alpha or path. A field of the request takes
    /// precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_source: Option<MaskSource>,
    /// Crops pictures around the subject, unless canvas, margin, fill, scale or baseline place it. A field
    /// of the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<CropChoice>,
    /// With crop: the room around the subject, as one, two or four lengths. Each is pixels or a percentage of the subject's
    /// width or height: "30px", "5%", "10px 5% 0 5%".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub crop_margin: Option<CropMargin>,
    /// How much of the photograph's metadata the pictures keep: credit by default, all, or none. A field of the request takes
    /// precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_metadata: Option<KeepMetadata>,
    /// Promises about composed and framed pictures, measured on the finished files. A broken one becomes a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
}

/// The variations that a set makes, and those that it cannot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlannedVariations {
    /// The variations to make, in the set's order.
    pub made: Vec<Variation>,
    /// The variations without their settings, in the set's order.
    pub ignored: Vec<Variation>,
    /// The picture that `final_url` links to. One of `made`, unless that is empty.
    pub final_picture: Option<Variation>,
}

impl ParamSet {
    /// A set without any setting.
    pub fn empty() -> Self {
        Self {
            version: VERSION,
            canvas: None,
            background: None,
            margin: None,
            fill: None,
            scale: None,
            baseline: None,
            align: Align::default(),
            enlargement: None,
            shadow_top: None,
            shadow_wall: None,
            shadow_ground: None,
            preserve_shadow: false,
            framed: None,
            variations: None,
            final_picture: None,
            output: OutputSettings::default(),
            id_pattern: None,
            output_name: None,
            review: None,
            previews: None,
            roi: None,
            keep: None,
            holes: None,
            mask_source: None,
            crop: None,
            crop_margin: None,
            keep_metadata: None,
            promise: None,
        }
    }

    /// Whether any setting of variation compose is present.
    fn composes(&self) -> bool {
        self.places_subject() || self.background.is_some() || self.shadow_ground.is_some() || self.preserve_shadow
    }

    /// Splits the variations into those with all their settings and those without.
    pub fn planned(&self) -> PlannedVariations {
        let (made, ignored): (Vec<_>, Vec<_>) = self.asked().into_iter().partition(|variation| match variation {
            Variation::Background | Variation::Clipping => true,
            Variation::Compose => self.composes(),
            Variation::ShadowTop => self.shadow_top.is_some(),
            Variation::ShadowWall => self.shadow_wall.is_some(),
            Variation::Framed => self.framed.is_some(),
        });
        let clipping = Some(Variation::Clipping);
        let candidates = [self.final_picture, clipping, made.last().copied()];
        let final_picture = candidates.into_iter().flatten().find(|variation| made.contains(variation));
        PlannedVariations { made, ignored, final_picture }
    }

    /// The variations that the set asks for. A set without a list does not ask for framed unless it has its settings: the
    /// clients of older sets know the other variations only.
    fn asked(&self) -> Vec<Variation> {
        let by_default = |variation: &Variation| *variation != Variation::Framed || self.framed.is_some();
        self.variations.clone().unwrap_or_else(|| Variation::ALL.into_iter().filter(by_default).collect())
    }

    /// Whether it has a setting that frames the photograph or fixes the subject's scale, which older releases cannot read.
    pub fn has_framing(&self) -> bool {
        let per_variation = self.output.per_variation.keys();
        let mut named = self.variations.iter().flatten().chain(&self.final_picture).chain(per_variation);
        let has_settings = self.framed.is_some() || self.scale.is_some() || self.baseline.is_some();
        has_settings || named.any(|variation| *variation == Variation::Framed)
    }

    /// The settings for the cut.
    pub fn subject(&self) -> SubjectSettings {
        let Self { roi, keep, holes, mask_source, .. } = *self;
        SubjectSettings { roi, keep: keep.map(Keep::Choice), hints: None, holes, mask_source }
    }

    /// How its pictures are cropped; `None` if it does not say.
    pub fn cropping(&self) -> Option<Crop> {
        // A set that was read has no margin without a crop.
        Crop::new(self.crop, self.crop_margin).ok().flatten()
    }

    /// Whether it places the subject on composed pictures. Otherwise they have the photograph's size, and the subject stays
    /// where it is.
    pub fn places_subject(&self) -> bool {
        let sized = self.margin.is_some() || self.fill.is_some() || self.scale.is_some();
        self.canvas.is_some() || sized || self.baseline.is_some()
    }

    /// The URL of the background's picture, if a composed picture needs it.
    pub fn backdrop(&self) -> Option<&SourceUrl> {
        let composed = self.planned().made.into_iter().any(Variation::is_composed);
        match &self.background {
            Some(Background::Picture(picture)) if composed => Some(&picture.image_url),
            _ => None,
        }
    }

    /// How a variation's file is written. The request's values take precedence, then the set's for this variation,
    /// then the set's for all, then the defaults.
    pub fn file(
        &self,
        variation: Variation,
        requested: Option<OutputFormat>,
        rendering: &Rendering,
    ) -> (OutputFormat, Rendering) {
        let usual = &self.output.usual;
        let own = self.output.per_variation.get(&variation).copied().unwrap_or_default();
        let format = requested.or(own.format).or(usual.format).unwrap_or_default();
        let rendering = Rendering {
            quality: rendering.quality.or(own.quality).or(usual.quality),
            lossless: rendering.lossless.or(own.lossless).or(usual.lossless),
            dpi: rendering.dpi.or(own.dpi).or(usual.dpi),
            keep_metadata: rendering.keep_metadata.or(self.keep_metadata),
            depth: rendering.depth.or(self.output.depth),
            color: rendering.color.or(self.output.color),
            ..rendering.clone()
        };
        (format, rendering)
    }
}

/// The JSON Schema of a parameter set, as in `shared/core/params.schema.json`.
pub fn schema() -> Value {
    schemars::schema_for!(ParamSet).to_value()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn current() -> u32 {
    VERSION
}
