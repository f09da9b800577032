//! Assembles a picture of coverage row by row, and sanitizes settings.

use image::GrayImage;
use rayon::prelude::*;

/// The longest blur, spread and offset, in pixels. Longer ones are limited to it.
pub(super) const MAX_LENGTH: f64 = 20_000.0;

/// A usable length: from 0 to [`MAX_LENGTH`], and 0 if it is not finite.
pub(super) fn usable_length(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, MAX_LENGTH) } else { 0.0 }
}

/// Buffers of a thread, reused for all of its rows.
#[derive(Default)]
pub(super) struct RowBuffers {
    /// For [`SoftShape::row`](super::soft::SoftShape::row).
    pub(super) cells: Vec<f32>,
    /// For a second shape.
    pub(super) other: Vec<f32>,
}

/// A picture of the size of `alpha`. `fill_row` gets the number of each row and fills in its coverage, from 0 to 1.
pub(super) fn filled(alpha: &GrayImage, fill_row: impl Fn(usize, &mut RowBuffers, &mut [f32]) + Sync) -> GrayImage {
    let mut filled = GrayImage::new(alpha.width(), alpha.height());
    let rows = filled.par_chunks_exact_mut(alpha.width().max(1) as usize).enumerate();
    rows.for_each_init(
        || (RowBuffers::default(), vec![0.0; alpha.width() as usize]),
        |(buffers, coverage), (y, row)| {
            fill_row(y, buffers, coverage);
            for (value, coverage) in row.iter_mut().zip(&*coverage) {
                *value = (coverage * 255.0 + 0.5) as u8;
            }
        },
    );
    filled
}

/// The smoothstep function: from 0 to 1, flat at both ends.
pub(super) fn smoothstep(value: f32) -> f32 {
    let value = value.clamp(0.0, 1.0);
    value * value * (3.0 - 2.0 * value)
}
