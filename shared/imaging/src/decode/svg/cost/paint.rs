//! The work of paints.

use resvg::usvg::{BaseGradient, Paint};

use super::budget::Part;

/// The work of a paint.
#[derive(Debug, Clone, Copy)]
pub(super) struct PaintWork {
    pub(super) part: Part,
    /// For each shape that is painted.
    pub(super) per_shape: f64,
    pub(super) per_pixel: f64,
    /// For each run of pixels of equal coverage. A run of one pixel is computed like one of sixteen.
    pub(super) per_run: f64,
}

/// A solid color, opaque or not.
pub(super) const COLOR: PaintWork = PaintWork { part: Part::Outlines, per_shape: 0.0, per_pixel: 1.0, per_run: 30.0 };
/// A color that is blended with what is below it.
const TRANSLUCENT: PaintWork = PaintWork { per_pixel: 9.0, ..COLOR };
/// The drawing of a pattern's canvas, sampled bicubically.
const PATTERN: PaintWork = PaintWork { part: Part::Patterns, per_shape: 0.0, per_pixel: 110.0, per_run: 180.0 };

impl PaintWork {
    /// The work of a paint with an opacity, apart from drawing a pattern's contents.
    pub(super) fn of(paint: &Paint, opacity: f32) -> Self {
        match paint {
            Paint::Color(_) if opacity >= 1.0 => COLOR,
            Paint::Color(_) => TRANSLUCENT,
            Paint::LinearGradient(gradient) => Self::of_gradient(gradient, 11.0),
            Paint::RadialGradient(gradient) => Self::of_gradient(gradient, 18.0),
            Paint::Pattern(_) => PATTERN,
        }
    }

    /// A gradient's stops are searched one after the other.
    fn of_gradient(gradient: &BaseGradient, per_pixel: f64) -> Self {
        let stops = gradient.stops().len() as f64;
        Self {
            part: Part::Gradients,
            per_shape: 200.0 * stops,
            per_pixel: per_pixel + 0.4 * stops,
            per_run: 60.0 + 4.0 * stops,
        }
    }
}
