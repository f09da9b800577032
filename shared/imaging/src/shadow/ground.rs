//! The shadow beneath an object that stands on the ground.

use image::GrayImage;

use super::contact::GroundContact;
use super::plane::REACH;
use super::rows::{RowBuffers, filled, usable_length};
use super::soft::SoftShape;
use super::top::{SOFT_STRENGTH, add_contact};

/// The blur of the contact shadow, as a share of the blur of the pool.
const CONTACT_BLUR: f64 = 0.3;
/// The foreshortening of the ground: a length towards the viewer appears as this share of itself.
const FORESHORTENING: f64 = 0.3;
/// How much deeper than the footprint the pool is, in front and behind, in its standard deviations. Of most objects only
/// the front is visible.
const EXTRA_DEPTH: f64 = 1.2;
/// The largest standard deviation of the pool, as a share of the width of the footprint.
const MAX_BLUR: f64 = 0.3;

/// Settings of a shadow beneath an object that stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundOptions {
    /// The distance in pixels of the canvas over which the pool fades, to either side of the footprint. The standard
    /// deviation is half of it, but at most 0.3 of the footprint's width. From 0 to 20,000; a value that is not finite
    /// counts as 0. Vertically it is three tenths of that, since the ground is seen at an angle.
    pub blur: f64,
}

impl GroundOptions {
    /// Settings that look right on a canvas of this size: a blur of 6 % of the shorter side. They suit an opacity of 0.5.
    pub fn of_canvas(width: u32, height: u32) -> Self {
        Self { blur: 0.06 * f64::from(width.min(height)) }
    }
}

/// The shadow beneath an object that stands on the ground, seen from the side or slightly from above under a soft light: a
/// flat pool over the ground that it covers, and a dense and narrow contact shadow where it touches the ground.
///
/// `alpha` is that of the subject on its canvas; the result has its size. Where the subject touches the ground is estimated
/// from its outline, also for objects with legs. A subject that is cut off by the lower edge of the canvas stands outside
/// of the picture and has no shadow; one that is cut off by another side has the shadow that it would have if it
/// continued. It does not suit objects seen from above.
pub fn ground(alpha: &GrayImage, options: &GroundOptions) -> GrayImage {
    let Some(contact) = GroundContact::new(alpha) else { return GrayImage::new(alpha.width(), alpha.height()) };
    let across = (usable_length(options.blur) / 2.0).min(MAX_BLUR * contact.width());
    let down = FORESHORTENING * across;
    let contact_blur = (CONTACT_BLUR * across, CONTACT_BLUR * down);
    // Only these rows have a shadow.
    let (highest, lowest) = contact.rows();
    let reach = (EXTRA_DEPTH + REACH) * down + 2.0;
    let first = (highest - reach).max(0.0) as u32;
    let last = ((lowest + reach) as u32).min(alpha.height() - 1);
    let size = (alpha.width(), last + 1 - first);
    let pool = SoftShape::foreshortened(&contact.footprint(size, first, EXTRA_DEPTH * down), (across, down));
    let touching = contact.touching_area(size, first, (2.0 * contact_blur.1, 0.5 * contact_blur.1));
    let touching = SoftShape::foreshortened(&touching, contact_blur);
    let rows = first as usize..=last as usize;
    filled(alpha, |y, RowBuffers { cells, other }, row| {
        row.fill(0.0);
        if !rows.contains(&y) {
            return;
        }
        pool.row(y - first as usize, cells, row);
        other.resize(row.len(), 0.0);
        touching.row(y - first as usize, cells, other);
        add_contact(row, other, SOFT_STRENGTH as f32);
    })
}
