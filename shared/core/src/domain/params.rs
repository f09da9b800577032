//! Parameter sets: what mode `params` makes of a photograph, as a JSON document that its owner writes once.
//!
//! The types here are the document. [`ParamSet::read`] tells every fault of one that is none, by its path; the JSON
//! Schema of the types is `shared/core/params.schema.json`, which a test holds to them. Lengths are of the canvas's
//! short side, so a set looks the same at any size.

mod name;
pub mod presets;
mod read;
mod values;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use name::{InvalidRevision, InvalidSetName, Revision, SetName};
pub use read::{InvalidParams, ParamFault};
pub use values::{Aspect, Color, Enlargement, Fill, Length, Offset, Share};

use crate::domain::outcome::Variation;
use crate::domain::rendering::{Dpi, Quality, Rendering};
use crate::domain::request::{OutputFormat, SourceUrl};

/// The version of the document that is read and written.
pub const VERSION: u32 = 1;

/// The text of a background that is none.
const TRANSPARENT: &str = "transparent";

/// The longest document, in bytes of JSON.
pub const MAX_BYTES: usize = 64_000;

/// A parameter set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Cutline parameter set", deny_unknown_fields)]
pub struct ParamSet {
    /// The version of this document's form.
    #[schemars(range(min = 1, max = 1), default = "current")]
    pub version: u32,
    /// The size of the composed pictures. Without it they have the photograph's, and the subject stays where it is
    /// unless margin or fill move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canvas: Option<Canvas>,
    /// What stands behind the subject in composed pictures, and in formats without transparency. White by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
    /// The room left at least at every side, less than 50% of the canvas's short side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<Length>,
    /// How much of the canvas the subject takes along the side where it takes most. With a margin, whichever makes it
    /// smaller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    /// Where the subject stands within the margins.
    #[serde(skip_serializing_if = "is_default", default)]
    pub align: Align,
    /// How many times larger than in the photograph the subject may become before a warning says so; 1.5 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enlargement: Option<Enlargement>,
    /// The soft shadow around the subject of variation shadowTop, as of a flat lay under light from above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_top: Option<ShadowTop>,
    /// The shadow on a wall behind the subject of variation shadow_wall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_wall: Option<ShadowWall>,
    /// The shadow on the ground beneath the subject of variation compose, for what stands and is seen from the side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_ground: Option<ShadowGround>,
    /// Keeps the photograph's own shadow in variation compose, where its backdrop is a studio's. Where it is not,
    /// shadow_ground takes its place.
    #[serde(skip_serializing_if = "is_default", default)]
    pub preserve_shadow: bool,
    /// What is made, in this order; all five by default. Those whose settings are missing are passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub variations: Option<Vec<Variation>>,
    /// The picture that `final_url` leads to: by default clipping if it is made, else the last variation made.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub final_picture: Option<Variation>,
    /// How the files are written. What the request says goes before it.
    #[serde(skip_serializing_if = "is_default", default)]
    pub output: OutputSettings,
    /// What the finished files of the composed pictures are measured for. A miss is a warning with the measured value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
}

/// The size of the composed pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(deny_unknown_fields)]
pub enum Canvas {
    /// In pixels, of at most 50 megapixels.
    Size {
        /// 1 to 10,000.
        #[schemars(range(min = 1, max = 10_000))]
        width: u32,
        /// 1 to 10,000.
        #[schemars(range(min = 1, max = 10_000))]
        height: u32,
    },
    /// As small as holds the subject at the photograph's scale with its margin or fill.
    Aspect {
        /// Width to height.
        aspect: Aspect,
    },
}

impl Canvas {
    /// The longest side, in pixels.
    pub const MAX_SIDE: u32 = 10_000;
    /// The most pixels.
    pub const MAX_PIXELS: u64 = 50_000_000;
}

/// What stands behind the subject. A color is also read as a text alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Background {
    /// Nothing; in formats without transparency, white.
    #[serde(serialize_with = "transparent")]
    Transparent,
    /// A color.
    Color {
        /// The color.
        color: Color,
    },
    /// A picture.
    Picture(BackgroundPicture),
}

/// A picture that stands behind the subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BackgroundPicture {
    /// A public http or https URL.
    #[schemars(with = "String", length(max = 4096))]
    pub image_url: SourceUrl,
    /// How it fills the canvas.
    #[schemars(default)]
    pub fit: ImageFit,
    /// What shows where it does not; white by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<Color>,
}

fn transparent<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(TRANSPARENT)
}

impl JsonSchema for Background {
    fn schema_name() -> Cow<'static, str> {
        "Background".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (color, picture) = (generator.subschema_for::<Color>(), generator.subschema_for::<BackgroundPicture>());
        json_schema!({
            "description": "What stands behind the subject.",
            "anyOf": [
                { "const": TRANSPARENT },
                color,
                {
                    "type": "object", "properties": { "color": color }, "required": ["color"],
                    "additionalProperties": false,
                },
                picture,
            ],
        })
    }
}

/// How a picture fills a canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageFit {
    /// All of the canvas, what reaches beyond is cut off evenly.
    #[default]
    Cover,
    /// All of the picture, in the middle.
    Contain,
    /// At its own size, again and again from the upper left corner.
    Tile,
}

/// Where the subject stands within the margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Align {
    /// From left to right.
    #[serde(default)]
    pub x: Horizontal,
    /// From top to bottom.
    #[serde(default)]
    pub y: Vertical,
    /// What of the subject is centerd.
    #[serde(default)]
    pub by: AlignBy,
}

/// From left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Horizontal {
    /// At the left margin.
    Left,
    /// In the middle.
    #[default]
    Center,
    /// At the right margin.
    Right,
}

/// From top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vertical {
    /// At the upper margin.
    Top,
    /// In the middle.
    #[default]
    Center,
    /// At the lower margin.
    Bottom,
}

/// What of the subject is centerd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlignBy {
    /// The middle of the box around it.
    #[default]
    Box,
    /// Its center of mass, as far as the margins allow.
    Mass,
}

/// The shadow of variation shadowTop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct ShadowTop {
    /// Of the darkest place; 0.5 by default.
    pub opacity: Share,
    /// Over which way it fades; 5% by default.
    pub blur: Length,
    /// How far it reaches before it fades; 1% by default.
    pub spread: Length,
    /// Black by default.
    pub color: Color,
}

impl Default for ShadowTop {
    fn default() -> Self {
        let (opacity, blur, spread) = (Share(0.5), Length::percent(5), Length::percent(1));
        Self { opacity, blur, spread, color: Color::BLACK }
    }
}

/// The shadow of variation shadow_wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct ShadowWall {
    /// Of the darkest place; 0.4 by default.
    pub opacity: Share,
    /// Over which way it fades; 4% by default.
    pub blur: Length,
    /// How far it reaches beyond the outline before it fades; 0px by default.
    pub spread: Length,
    /// How far to the right; 3% by default.
    pub dx: Offset,
    /// How far down; 2% by default.
    pub dy: Offset,
    /// How much weaker it is at its far end; 0.3 by default.
    pub fade: Share,
    /// Black by default.
    pub color: Color,
}

impl Default for ShadowWall {
    fn default() -> Self {
        Self {
            opacity: Share(0.4),
            blur: Length::percent(4),
            spread: Length::ZERO,
            dx: Offset::percent(3),
            dy: Offset::percent(2),
            fade: Share(0.3),
            color: Color::BLACK,
        }
    }
}

/// The shadow on the ground of variation compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct ShadowGround {
    /// Of the darkest place; 0.5 by default.
    pub opacity: Share,
    /// Over which way it fades; 6% by default.
    pub blur: Length,
    /// Black by default.
    pub color: Color,
}

impl Default for ShadowGround {
    fn default() -> Self {
        Self { opacity: Share(0.5), blur: Length::percent(6), color: Color::BLACK }
    }
}

/// Settings by variation.
pub type VariationOutputs = BTreeMap<Variation, VariationOutput>;

/// How the files are written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct OutputSettings {
    /// Of every variation that says nothing else.
    #[serde(flatten)]
    pub usual: VariationOutput,
    /// Of single variations; what one leaves out is as for all.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub per_variation: VariationOutputs,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct VariationOutput {
    /// The file format; png by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "formats")]
    pub format: Option<OutputFormat>,
    /// Of JPEG and lossy WebP, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u8>", range(min = 1, max = 100))]
    pub quality: Option<Quality>,
    /// Whether WebP keeps the colors without loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lossless: Option<bool>,
    /// Dots per inch, 1 to 9,999.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u16>", range(min = 1, max = 9_999))]
    pub dpi: Option<Dpi>,
}

/// What the finished files are measured for. Their size in pixels always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Promise {
    /// Whether the corners and edges have to be exactly the background's color.
    #[serde(skip_serializing_if = "is_default", default)]
    pub background: bool,
    /// How much of the canvas the subject has to take along the side where it takes most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<FillRange>,
    /// The largest file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_000_000_000_u32))]
    pub max_bytes: Option<u32>,
}

/// From how much to how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FillRange {
    /// At least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Fill>,
    /// At most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Fill>,
}

/// What a set makes, and what it passes over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlannedVariations {
    /// What is made, in the set's order.
    pub made: Vec<Variation>,
    /// What lacks its settings, in the set's order.
    pub ignored: Vec<Variation>,
    /// The picture that `final_url` leads to. One of `made`, unless that is empty.
    pub final_picture: Option<Variation>,
}

impl ParamSet {
    /// A set in which nothing is set.
    pub fn empty() -> Self {
        Self {
            version: VERSION,
            canvas: None,
            background: None,
            margin: None,
            fill: None,
            align: Align::default(),
            enlargement: None,
            shadow_top: None,
            shadow_wall: None,
            shadow_ground: None,
            preserve_shadow: false,
            variations: None,
            final_picture: None,
            output: OutputSettings::default(),
            promise: None,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn read(document: Value) -> Result<Self, InvalidParams> {
        read::set(document)
    }

    /// Reads a document from its text.
    ///
    /// # Errors
    /// Every fault of it; if it is no JSON or longer than [`MAX_BYTES`], that alone.
    pub fn parse(text: &str) -> Result<Self, InvalidParams> {
        let whole = |message: String| InvalidParams(vec![ParamFault { path: String::new(), message }]);
        if text.len() > MAX_BYTES {
            return Err(whole(format!("A parameter set may have at most {} KB.", MAX_BYTES / 1000)));
        }
        match serde_json::from_str(text) {
            Ok(document) => Self::read(document),
            Err(error) => {
                Err(whole(format!("This is not valid JSON: see line {}, column {}.", error.line(), error.column())))
            }
        }
    }

    /// Whether there is anything to compose.
    fn composes(&self) -> bool {
        self.canvas.is_some()
            || self.background.is_some()
            || self.margin.is_some()
            || self.fill.is_some()
            || self.shadow_ground.is_some()
            || self.preserve_shadow
    }

    /// What it makes, and what it passes over since its settings are missing.
    pub fn wanted(&self) -> PlannedVariations {
        let all = self.variations.as_deref().unwrap_or(&Variation::ALL);
        let (made, ignored): (Vec<_>, Vec<_>) = all.iter().copied().partition(|variation| match variation {
            Variation::Background | Variation::Clipping => true,
            Variation::Compose => self.composes(),
            Variation::ShadowTop => self.shadow_top.is_some(),
            Variation::ShadowWall => self.shadow_wall.is_some(),
        });
        let clipping = Some(Variation::Clipping);
        let candidates = [self.final_picture, clipping, made.last().copied()];
        let final_picture = candidates.into_iter().flatten().find(|variation| made.contains(variation));
        PlannedVariations { made, ignored, final_picture }
    }

    /// The picture that is to stand behind the subject, if one is and anything composed is made.
    pub fn backdrop(&self) -> Option<&SourceUrl> {
        let composed = self.wanted().made.into_iter().any(Variation::is_composed);
        match &self.background {
            Some(Background::Picture(picture)) if composed => Some(&picture.image_url),
            _ => None,
        }
    }

    /// How a variation is written: what the request says before what the set says for it, before what that says for
    /// all, before the default.
    pub fn file(
        &self,
        variation: Variation,
        asked: Option<OutputFormat>,
        rendering: &Rendering,
    ) -> (OutputFormat, Rendering) {
        let usual = &self.output.usual;
        let own = self.output.per_variation.get(&variation).copied().unwrap_or_default();
        let format = asked.or(own.format).or(usual.format).unwrap_or_default();
        let rendering = Rendering {
            quality: rendering.quality.or(own.quality).or(usual.quality),
            lossless: rendering.lossless.or(own.lossless).or(usual.lossless),
            dpi: rendering.dpi.or(own.dpi).or(usual.dpi),
            ..rendering.clone()
        };
        (format, rendering)
    }
}

/// By [`ParamSet::read`]; the schema is that of the types, and not of what they are read from.
impl<'de> Deserialize<'de> for ParamSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The JSON Schema of a parameter set, as `shared/core/params.schema.json` holds it.
pub fn schema() -> Value {
    schemars::schema_for!(ParamSet).to_value()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn current() -> u32 {
    VERSION
}

/// Every spelling of a file format.
fn formats(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": OutputFormat::NAMES })
}
