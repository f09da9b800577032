//! The settings of the shadows.

use schemars::JsonSchema;
use serde::Serialize;

use super::values::{Color, Length, Offset, Share};

/// The shadow of variation shadowTop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct ShadowTop {
    /// The opacity where it is darkest; 0.5 by default.
    pub opacity: Share,
    /// The distance over which it fades; 5% by default.
    pub blur: Length,
    /// How far it reaches before it fades; 1% by default.
    pub spread: Length,
    /// Black by default.
    pub color: Color,
}

impl Default for ShadowTop {
    fn default() -> Self {
        Self {
            opacity: Share::from_percent(50),
            blur: Length::percent(5),
            spread: Length::percent(1),
            color: Color::BLACK,
        }
    }
}

/// The shadow of variation shadow_wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct ShadowWall {
    /// The opacity where it is darkest; 0.4 by default.
    pub opacity: Share,
    /// The distance over which it fades; 4% by default.
    pub blur: Length,
    /// How far it reaches beyond the outline before it fades; 0px by default.
    pub spread: Length,
    /// The offset to the right; 3% by default.
    pub dx: Offset,
    /// The offset downwards; 2% by default.
    pub dy: Offset,
    /// How much weaker it is at its far end; 0.3 by default.
    pub fade: Share,
    /// Black by default.
    pub color: Color,
}

impl Default for ShadowWall {
    fn default() -> Self {
        Self {
            opacity: Share::from_percent(40),
            blur: Length::percent(4),
            spread: Length::ZERO,
            dx: Offset::percent(3),
            dy: Offset::percent(2),
            fade: Share::from_percent(30),
            color: Color::BLACK,
        }
    }
}

/// The shadow on the ground in variation compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[serde(default)]
pub struct ShadowGround {
    /// The opacity where it is darkest; 0.5 by default.
    pub opacity: Share,
    /// The distance over which it fades; 6% by default.
    pub blur: Length,
    /// Black by default.
    pub color: Color,
}

impl Default for ShadowGround {
    fn default() -> Self {
        Self { opacity: Share::from_percent(50), blur: Length::percent(6), color: Color::BLACK }
    }
}
