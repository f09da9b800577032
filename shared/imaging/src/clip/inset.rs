//! The outline moved inwards, so that a cut along it keeps nothing of the background's color.

use image::GrayImage;

use super::contour::Contour;
use crate::path::Point;

/// The most that an outline may be moved, in pixels.
pub const INSET_MOST: f64 = 2.0;
/// How many steps a distance of one pixel has in the field.
const STEPS: f64 = 64.0;
/// How far the field reaches, in pixels: [`INSET_MOST`] and what marching squares need beyond.
const REACH: f64 = 3.9;
/// What a pixel of distance is worth in the matte that is made.
const SLOPE: f64 = 90.0;

/// A matte whose outline at 0.5 is that of `matte`, moved inwards by `inset` pixels.
///
/// It is made of the signed distance to the outline, known to 1/64 pixel around it, so that the new outline
/// is where the distance is `inset`. An outline that is found so cannot cross itself, and where the subject
/// is thinner than twice the inset it is gone. What runs along the frame is no edge of the subject, and stays
/// on the frame.
pub(super) fn moved_inwards(matte: &GrayImage, contour: &Contour, inset: f64) -> GrayImage {
    let (width, height) = matte.dimensions();
    let mut field = GrayImage::from_pixel(width, height, image::Luma([u8::MAX]));
    for outline in &contour.outlines {
        for (from, to) in outline.points.iter().zip(outline.points.iter().cycle().skip(1)) {
            if !on_frame(*from, *to, width, height) {
                spread(&mut field, *from, *to);
            }
        }
    }
    for (distance, alpha) in field.iter_mut().zip(matte.iter()) {
        let away = if *distance == u8::MAX { f64::INFINITY } else { f64::from(*distance) / STEPS };
        let signed = if *alpha > 127 { away } else { -away };
        *distance = (127.5 + (signed - inset) * SLOPE).clamp(0.0, 255.0).round() as u8;
    }
    field
}

pub(super) fn on_frame(from: Point, to: Point, width: u32, height: u32) -> bool {
    let (width, height) = (f64::from(width), f64::from(height));
    let both = |a: f64, b: f64, end: f64| (a <= 0.0 && b <= 0.0) || (a >= end && b >= end);
    both(from.x, to.x, width) || both(from.y, to.y, height)
}

/// Writes the distance to a side into all pixels that it is the nearest of.
fn spread(field: &mut GrayImage, from: Point, to: Point) {
    let (width, height) = field.dimensions();
    let range = |a: f64, b: f64, end: u32| {
        let first = (a.min(b) - REACH - 0.5).ceil().clamp(0.0, f64::from(end)) as u32;
        let behind = (a.max(b) + REACH - 0.5).floor().clamp(-1.0, f64::from(end) - 1.0) + 1.0;
        first..behind as u32
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
                let step = (distance * STEPS).round() as u8;
                let value = &mut field.as_mut()[line + column as usize];
                *value = (*value).min(step);
            }
        }
    }
}
