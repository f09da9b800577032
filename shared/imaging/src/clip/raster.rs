//! Renders a path as alpha, with the exact coverage of every pixel. It is not a general renderer: outlines have to run as
//! [`ClippingPath`] says.

use image::GrayImage;
use rayon::prelude::*;

use super::coverage::CoverageBuffer;
use super::flatten::flattened;
use crate::path::{ClippingPath, Point};

/// Rows that are accumulated together. Each thread needs a buffer of this many rows.
const BAND: usize = 32;

/// Renders the area within a path: the exact share of each pixel that is covered, rounded to 8 bits. Curves are flattened
/// to within 0.0025 pixels, and everything outside of the picture is cut off.
///
/// The winding numbers of all outlines are added up, and their absolute values limited to one. For outlines that run as
/// [`ClippingPath`] says and do not cross, that is the area under both the even-odd and the non-zero rule; where two
/// outlines of the same direction overlap, it is the non-zero rule.
pub fn rasterize(path: &ClippingPath) -> GrayImage {
    let (width, height) = (path.width as usize, path.height as usize);
    let mut picture = GrayImage::new(path.width, path.height);
    if width == 0 || height == 0 {
        return picture;
    }
    let sides = flattened(path);
    // The sides that touch each band.
    let bands = height.div_ceil(BAND);
    let mut touching: Vec<Vec<u32>> = vec![Vec::new(); bands];
    for (index, [from, to]) in sides.iter().enumerate() {
        let (top, bottom) = (from.y.min(to.y), from.y.max(to.y));
        if bottom <= 0.0 || top >= height as f64 {
            continue;
        }
        let band = |y: f64| ((y.max(0.0) / BAND as f64) as usize).min(bands - 1);
        for touched in &mut touching[band(top)..=band(bottom)] {
            touched.push(index as u32);
        }
    }
    let rows: &mut [u8] = &mut picture;
    rows.par_chunks_mut(width * BAND).zip(touching).enumerate().for_each(|(band, (rows, touching))| {
        if touching.is_empty() {
            return;
        }
        let mut buffer = CoverageBuffer::new(width, rows.len() / width);
        let above = (band * BAND) as f64;
        for index in touching {
            let [from, to] = sides[index as usize];
            buffer.add(Point { y: from.y - above, ..from }, Point { y: to.y - above, ..to });
        }
        for (row, alpha) in rows.chunks_exact_mut(width).enumerate() {
            for (winding, alpha) in buffer.row(row).zip(alpha) {
                *alpha = (winding.abs().min(1.0) * 255.0).round() as u8;
            }
        }
    });
    picture
}
