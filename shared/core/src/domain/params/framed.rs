//! The settings of variation framed: the photograph itself, cropped around the subject.

use schemars::JsonSchema;
use serde::Serialize;

use super::values::Aspect;
use crate::domain::crop::CropMargin;

/// The photograph itself, with its backdrop, cropped around the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct Framed {
    /// The room around the subject, as one, two or four lengths. Each is pixels or a percentage of the subject's width or
    /// height: "30px", "5%", "10px 5% 0 5%". 5% by default.
    #[schemars(with = "String")]
    pub margin: CropMargin,
    /// The shape of the picture, whose pixels are then those of the photograph. Without it the picture has the shape of the
    /// canvas and, if that has width and height, its size; without a canvas the margin decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aspect: Option<Aspect>,
    /// Whether the exposure is lifted until the backdrop is white. The shadow stays. A backdrop that is dark, colored or not
    /// one smooth surface stays as it is, with a warning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whiten: bool,
}

impl Default for Framed {
    fn default() -> Self {
        Self { margin: CropMargin::percent(5), aspect: None, whiten: false }
    }
}
