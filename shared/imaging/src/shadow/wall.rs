//! The shadow of an object on a wall behind it.

use image::GrayImage;
use rayon::prelude::*;

use super::rows::{MAX_LENGTH, filled, smoothstep, usable_length};
use super::soft::SoftShape;

/// Settings of a shadow on a wall. Lengths are in pixels of the canvas, from 0 to 20,000; values that are not finite count
/// as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WallOptions {
    /// The offset to the right; negative to the left. Rounded to whole pixels.
    pub dx: f64,
    /// The offset downwards; negative upwards. Rounded to whole pixels.
    pub dy: f64,
    /// The distance over which it fades, to either side of its outline, as in CSS.
    pub blur: f64,
    /// How far it extends beyond the subject's shape on all sides.
    pub spread: f64,
    /// How much weaker it is at its far end: from 0 (not at all) to 1 (nothing is left).
    pub fade: f64,
}

impl WallOptions {
    /// Settings that look right on a canvas of this size: an offset of 3 % of the shorter side to the right and 2 % down,
    /// and a blur of 4 %. They suit an opacity of 0.3.
    pub fn of_canvas(width: u32, height: u32) -> Self {
        let side = f64::from(width.min(height));
        Self { dx: 0.03 * side, dy: 0.02 * side, blur: 0.04 * side, spread: 0.0, fade: 0.3 }
    }
}

/// The shadow that a subject casts on a wall behind it, under a single light in front: the subject's own shape, widened,
/// moved and blurred.
///
/// `alpha` is that of the subject on its canvas; the result has its size. Where the edge of the canvas cuts the subject
/// off, the shadow continues as if the subject did.
///
/// Stray light brightens a shadow far from the object. With `fade` it gets weaker towards its far end, in the direction of
/// the offset; without an offset, towards its top, away from where the subject stands. The fade is smooth from one end of
/// the shadow's shape on the canvas to the other.
pub fn wall(alpha: &GrayImage, options: &WallOptions) -> GrayImage {
    let rounded = |value: f64| if value.is_finite() { value.clamp(-MAX_LENGTH, MAX_LENGTH).round() as i64 } else { 0 };
    let offset = (rounded(options.dx), rounded(options.dy));
    let fade = if options.fade.is_finite() { options.fade.clamp(0.0, 1.0) as f32 } else { 0.0 };
    let soft = SoftShape::new(alpha, usable_length(options.spread), usable_length(options.blur) / 2.0, offset);
    let gradient = FadeGradient::new(alpha, offset);
    filled(alpha, |y, buffers, row| {
        soft.row(y, &mut buffers.cells, row);
        if fade > 0.0 {
            for (x, value) in row.iter_mut().enumerate() {
                *value *= 1.0 - fade * gradient.at(x, y);
            }
        }
    })
}

/// The smooth change from the near end of a shadow to its far end.
#[derive(Debug, Clone, Copy)]
struct FadeGradient {
    direction: (f32, f32),
    start: f32,
    length: f32,
}

impl FadeGradient {
    /// The gradient for a shadow with this offset.
    fn new(alpha: &GrayImage, offset: (i64, i64)) -> Self {
        let (dx, dy) = (offset.0 as f32, offset.1 as f32);
        let distance = dx.hypot(dy);
        let direction = if distance > 0.0 { (dx / distance, dy / distance) } else { (0.0, -1.0) };
        let position = |x: usize, y: usize| direction.0 * x as f32 + direction.1 * y as f32;
        // The extremes of a row are at its ends, whatever the direction.
        let rows = alpha.as_raw().par_chunks_exact(alpha.width() as usize).enumerate();
        let extents = rows.filter_map(|(y, row)| {
            let first = row.iter().position(|alpha| *alpha >= 128)?;
            let last = row.iter().rposition(|alpha| *alpha >= 128)?;
            let (a, b) = (position(first, y), position(last, y));
            Some((a.min(b), a.max(b)))
        });
        let (near, far) = extents
            .reduce_with(|(near, far), (other, further)| (near.min(other), far.max(further)))
            .unwrap_or((0.0, 0.0));
        Self { direction, start: near + distance, length: (far - near).max(1.0) }
    }

    /// From 0 at the near end to 1 at the far end.
    fn at(self, x: usize, y: usize) -> f32 {
        let position = self.direction.0 * x as f32 + self.direction.1 * y as f32;
        smoothstep((position - self.start) / self.length)
    }
}
