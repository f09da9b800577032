//! Moves an outline inwards, so that a cut along it keeps none of the background's color.

use image::GrayImage;

use super::contour::Contour;
use crate::path::Point;

/// The largest inset, in pixels.
pub const MAX_INSET: f64 = 2.0;
/// Steps of the distance field for each pixel.
const STEPS_PER_PIXEL: f64 = 64.0;
/// How far the field reaches, in pixels: [`MAX_INSET`], and a margin for marching squares.
const REACH: f64 = 3.9;
/// The slope of the resulting matte, in levels of alpha for each pixel of distance.
const SLOPE: f64 = 90.0;

/// The value of the field where no outline is in reach.
const OUT_OF_REACH: u8 = u8::MAX;

/// A matte whose outline at 0.5 is that of `matte`, moved inwards by `inset` pixels.
///
/// It is made from the signed distance to the outline, known to 1/64 pixel, so that the new outline is where that distance
/// is `inset`. Such an outline cannot cross itself, and where the subject is thinner than twice the inset it vanishes.
/// Parts along the frame are not edges of the subject, and stay on the frame.
pub(super) fn moved_inwards(matte: &GrayImage, contour: &Contour, inset: f64) -> GrayImage {
    let (width, height) = matte.dimensions();
    let mut field = GrayImage::from_pixel(width, height, image::Luma([OUT_OF_REACH]));
    for outline in &contour.outlines {
        for (from, to) in outline.points.iter().zip(outline.points.iter().cycle().skip(1)) {
            if !on_frame(*from, *to, width, height) {
                lower_distances(&mut field, *from, *to);
            }
        }
    }
    for (distance, alpha) in field.iter_mut().zip(matte.iter()) {
        let away = if *distance == OUT_OF_REACH { f64::INFINITY } else { f64::from(*distance) / STEPS_PER_PIXEL };
        let signed = if *alpha > 127 { away } else { -away };
        *distance = (127.5 + (signed - inset) * SLOPE).clamp(0.0, 255.0).round() as u8;
    }
    field
}

/// Whether a side runs along the frame of the picture.
pub(super) fn on_frame(from: Point, to: Point, width: u32, height: u32) -> bool {
    let (width, height) = (f64::from(width), f64::from(height));
    let along = |a: f64, b: f64, end: f64| (a <= 0.0 && b <= 0.0) || (a >= end && b >= end);
    along(from.x, to.x, width) || along(from.y, to.y, height)
}

/// Lowers the distances of all pixels within reach of a side to their distance from it.
fn lower_distances(field: &mut GrayImage, from: Point, to: Point) {
    let (width, height) = field.dimensions();
    let range = |a: f64, b: f64, end: u32| {
        let first = (a.min(b) - REACH - 0.5).ceil().clamp(0.0, f64::from(end)) as u32;
        let end = (a.max(b) + REACH - 0.5).floor().clamp(-1.0, f64::from(end) - 1.0) + 1.0;
        first..end as u32
    };
    let (x, y) = (to.x - from.x, to.y - from.y);
    let square = x * x + y * y;
    for row in range(from.y, to.y, height) {
        let line = row as usize * width as usize;
        for column in range(from.x, to.x, width) {
            let (px, py) = (f64::from(column) + 0.5 - from.x, f64::from(row) + 0.5 - from.y);
            let share = if square > 0.0 { ((px * x + py * y) / square).clamp(0.0, 1.0) } else { 0.0 };
            let (dx, dy) = (px - x * share, py - y * share);
            let distance = (dx * dx + dy * dy).sqrt();
            if distance <= REACH {
                let step = (distance * STEPS_PER_PIXEL).round() as u8;
                let value = &mut field.as_mut()[line + column as usize];
                *value = (*value).min(step);
            }
        }
    }
}
