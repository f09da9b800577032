//! The canvas, the background, and the position of the subject.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::values::{Aspect, Color};
use crate::domain::limits::{MAX_CANVAS_SIDE, MAX_PIXELS, MAX_URL_BYTES};
use crate::domain::request::SourceUrl;

/// How a document spells [`Background::Transparent`].
pub(super) const TRANSPARENT: &str = "transparent";

/// The size of the composed pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(deny_unknown_fields)]
pub enum Canvas {
    /// A size in pixels, of at most 50 megapixels.
    Size {
        /// 1 to 10,000.
        #[schemars(range(min = 1, max = Canvas::MAX_SIDE))]
        width: u32,
        /// 1 to 10,000.
        #[schemars(range(min = 1, max = Canvas::MAX_SIDE))]
        height: u32,
    },
    /// The smallest size of this shape that holds the subject at the photograph's scale with its margin or fill.
    Aspect {
        /// Width to height.
        aspect: Aspect,
    },
}

impl Canvas {
    /// The longest side, in pixels.
    pub const MAX_SIDE: u32 = MAX_CANVAS_SIDE;
    /// The most pixels.
    pub const MAX_PIXELS: u64 = MAX_PIXELS;
}

/// The background behind the subject. A plain string is read as a color.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Background {
    /// Transparency; white in formats without alpha.
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

/// A picture behind the subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BackgroundPicture {
    /// A public http or https URL.
    #[schemars(with = "String", length(max = MAX_URL_BYTES))]
    pub image_url: SourceUrl,
    /// How it fills the canvas.
    #[schemars(default)]
    pub fit: ImageFit,
    /// The color where the picture is transparent or does not reach; white by default.
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
    /// Covers the whole canvas; the overhang is cropped evenly.
    #[default]
    Cover,
    /// Shows the whole picture in the middle.
    Contain,
    /// Repeats the picture at its own size from the upper left corner.
    Tile,
}

impl ImageFit {
    /// Every fit with its name.
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("cover", Self::Cover), ("contain", Self::Contain), ("tile", Self::Tile)];
}

/// Where the subject stands within the margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Align {
    /// The horizontal position.
    #[serde(default)]
    pub x: Horizontal,
    /// The vertical position.
    #[serde(default)]
    pub y: Vertical,
    /// What counts as the subject's center.
    #[serde(default)]
    pub by: AlignBy,
}

/// A horizontal position.
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

impl Horizontal {
    /// Every position with its name.
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("left", Self::Left), ("center", Self::Center), ("right", Self::Right)];
}

/// A vertical position.
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

impl Vertical {
    /// Every position with its name.
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("top", Self::Top), ("center", Self::Center), ("bottom", Self::Bottom)];
}

/// What counts as the subject's center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlignBy {
    /// The middle of its bounding box.
    #[default]
    Box,
    /// Its center of mass, as far as the margins allow.
    Mass,
}

impl AlignBy {
    /// Every way with its name.
    pub(super) const NAMES: [(&'static str, Self); 2] = [("box", Self::Box), ("mass", Self::Mass)];
}
