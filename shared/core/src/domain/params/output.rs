//! How the files of a set are written, and what they promise.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::values::Fill;
use crate::domain::fidelity::{ColorSpace, Depth};
use crate::domain::format::OutputFormat;
use crate::domain::rendering::{Dpi, Quality};
use crate::domain::variation::Variation;

/// Settings by variation.
pub type VariationOutputs = BTreeMap<Variation, VariationOutput>;

/// How the files are written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct OutputSettings {
    /// The settings for every variation without its own.
    #[serde(flatten)]
    pub usual: VariationOutput,
    /// The settings of single variations. An omitted setting is that for all variations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub per_variation: VariationOutputs,
    /// The bits of a channel in png, tiff and psd: "8" by default, "16", or "keep" for those of the photograph. A field of
    /// the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// The color space: "srgb" by default, or "keep" for that of the photograph. A field of the request takes precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<ColorSpace>,
}

/// How one file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct VariationOutput {
    /// The file format; png by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "formats")]
    pub format: Option<OutputFormat>,
    /// The quality of JPEG and lossy WebP, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u8>", range(min = Quality::MIN, max = Quality::MAX))]
    pub quality: Option<Quality>,
    /// Whether WebP keeps the colors without loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lossless: Option<bool>,
    /// Dots per inch, 1 to 9,999.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u16>", range(min = Dpi::MIN, max = Dpi::MAX))]
    pub dpi: Option<Dpi>,
}

/// Promises that are measured on the finished files. The size in pixels is always measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Promise {
    /// Whether the corners and edges must have exactly the background's color.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub background: bool,
    /// How much of the canvas the subject must take along the side where it takes most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<FillRange>,
    /// The largest file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = Promise::MAX_BYTES))]
    pub max_bytes: Option<u32>,
}

impl Promise {
    /// The largest value of `max_bytes`.
    pub(super) const MAX_BYTES: u32 = 4_000_000_000;
}

/// A range of fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FillRange {
    /// The smallest fill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Fill>,
    /// The largest fill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Fill>,
}

fn formats(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": OutputFormat::spellings().collect::<Vec<_>>() })
}
