//! The plan of one picture.

use cutline_core::{Channels, OutputFormat, Rendering, Variation};

/// A picture that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PicturePlan {
    pub(super) variation: Variation,
    pub(super) format: OutputFormat,
    pub(super) rendering: Rendering,
}

impl PicturePlan {
    /// Whether the file holds colors, and not alpha alone.
    pub(super) fn has_colors(&self) -> bool {
        self.rendering.channels == Channels::Rgba
    }

    /// Whether both are written in the same way.
    pub(super) fn writes_like(&self, other: &Self) -> bool {
        self.format == other.format && self.rendering == other.rendering
    }
}
