//! The pictures that a job can make.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A picture that a job can make. The names are spelled as clients know them, hence `shadowTop` next to `shadow_wall`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variation {
    /// The subject on transparency, with a soft matte.
    Background,
    /// The subject cut along its path, with hard edges. An outline that cannot be traced as a clean path gives the same
    /// picture as `background`, with a warning.
    Clipping,
    /// The subject on a parameter set's canvas.
    Compose,
    /// The subject on the canvas with the soft shadow of a flat lay.
    #[serde(rename = "shadowTop")]
    ShadowTop,
    /// The subject on the canvas with a shadow on the wall behind.
    ShadowWall,
    /// The photograph itself, with its backdrop, cropped around the subject.
    Framed,
}

/// The ground behind the subject of a variation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The photograph's area: the subject stays where it is.
    Photo,
    /// A parameter set's canvas.
    Canvas,
    /// A part of the photograph with its own backdrop.
    Frame,
}

/// The facts about a variation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariationInfo {
    /// The name in requests, in a status and in file names.
    pub name: &'static str,
    /// The ground behind its subject.
    pub ground: Ground,
}

impl Variation {
    /// Every variation, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Background, Self::Clipping, Self::Compose, Self::ShadowTop, Self::ShadowWall, Self::Framed];

    /// The facts about the variation.
    pub const fn info(self) -> &'static VariationInfo {
        match self {
            Self::Background => &VariationInfo { name: "background", ground: Ground::Photo },
            Self::Clipping => &VariationInfo { name: "clipping", ground: Ground::Photo },
            Self::Compose => &VariationInfo { name: "compose", ground: Ground::Canvas },
            Self::ShadowTop => &VariationInfo { name: "shadowTop", ground: Ground::Canvas },
            Self::ShadowWall => &VariationInfo { name: "shadow_wall", ground: Ground::Canvas },
            Self::Framed => &VariationInfo { name: "framed", ground: Ground::Frame },
        }
    }

    /// The name in requests, in a status and in file names.
    pub const fn as_str(self) -> &'static str {
        self.info().name
    }

    /// Whether the subject stands on a canvas, rather than where it is in the photograph.
    pub const fn is_composed(self) -> bool {
        matches!(self.info().ground, Ground::Canvas)
    }

    /// The variation of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variation| variation.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_records_and_in_a_status() {
        for variation in Variation::ALL {
            assert_eq!(serde_json::to_value(variation).expect("serializes"), variation.as_str());
            assert_eq!(Variation::named(variation.as_str()), Some(variation));
        }
    }
}
