//! The brightness of a photograph around its subject, in cells of a few pixels.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::plane::{Plane, dilated};

/// The most cells along the longer side.
const MAX_CELLS: u32 = 1024;
/// A pixel with this alpha or more shows too much of the subject to measure the backdrop.
const MIN_COVERED: u8 = 8;
/// The shares of red, green and blue in the luminance of sRGB.
const LUMINANCE: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// The light of a photograph, cell by cell.
#[derive(Debug)]
pub(super) struct LightMap {
    /// The side of a cell in pixels. The last row and column may be cut off by the edge of the photograph.
    pub(super) cell: usize,
    /// The mean luminance in linear light, 0 to 1.
    pub(super) light: Plane,
    /// Whether neither a cell nor its neighbors show any of the subject.
    pub(super) clear: Vec<bool>,
}

impl LightMap {
    pub(super) fn new(photo: &RgbImage, alpha: &GrayImage) -> Self {
        let (width, height) = photo.dimensions();
        let cell = width.max(height).div_ceil(MAX_CELLS).max(1) as usize;
        let width = width as usize;
        let table: [[f32; 256]; 3] =
            LUMINANCE.map(|share| std::array::from_fn(|value| share * linear(value as f32 / 255.0)));
        let mut light = Plane::new(width.div_ceil(cell), (height as usize).div_ceil(cell));
        let mut covered = vec![false; light.values.len()];
        let across = light.width;
        let rows = photo.as_raw().par_chunks(3 * width * cell).zip(alpha.as_raw().par_chunks(width * cell));
        let cells = light.values.par_chunks_exact_mut(across).zip(covered.par_chunks_exact_mut(across));
        rows.zip(cells).for_each(|((colors, alphas), (light, covered))| {
            let rows = alphas.len() / width;
            for (colors, alphas) in colors.chunks_exact(3 * width).zip(alphas.chunks_exact(width)) {
                let parts = colors.chunks(3 * cell).zip(alphas.chunks(cell));
                for ((colors, alphas), (light, covered)) in parts.zip(light.iter_mut().zip(covered.iter_mut())) {
                    let sum = |[red, green, blue]: &[u8; 3]| {
                        table[0][usize::from(*red)] + table[1][usize::from(*green)] + table[2][usize::from(*blue)]
                    };
                    let mean: f32 = colors.as_chunks().0.iter().map(sum).sum::<f32>() / alphas.len() as f32;
                    *light += mean / rows as f32;
                    *covered |= alphas.iter().any(|alpha| *alpha >= MIN_COVERED);
                }
            }
        });
        let clear = dilated(&covered, across).iter().map(|covered| !covered).collect();
        Self { cell, light, clear }
    }
}

/// The linear light of an encoded sRGB value, both from 0 to 1.
fn linear(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}
