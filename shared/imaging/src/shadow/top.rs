//! The shadow of an object on a table, seen from above.

use image::GrayImage;

use super::rows::{RowBuffers, filled, usable_length};
use super::soft::SoftShape;

/// The blur of the contact shadow, as a share of the blur of the soft part.
const CONTACT_BLUR: f64 = 0.2;
/// The strength of the soft part where it is blurred much wider than it is spread. It leaves room for the contact shadow
/// to be darker.
pub(super) const SOFT_STRENGTH: f64 = 0.6;

/// Settings of a shadow seen from above. Lengths are in pixels of the canvas, from 0 to 20,000; values that are not finite
/// count as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopOptions {
    /// The distance over which the soft part fades, to either side of its edge. As in CSS, the standard deviation is half
    /// of it.
    pub blur: f64,
    /// How far the shadow extends beyond the outline before it fades.
    pub spread: f64,
}

impl TopOptions {
    /// Settings that look right on a canvas of this size: a blur of 5 % and a spread of 1 % of the shorter side. They suit
    /// an opacity of 0.5.
    pub fn of_canvas(width: u32, height: u32) -> Self {
        let side = f64::from(width.min(height));
        Self { blur: 0.05 * side, spread: 0.01 * side }
    }
}

/// The shadow of an object on a table, seen from above under a soft light: soft all around, with a dense and narrow contact
/// shadow at the outline, where hardly any light gets in between.
///
/// `alpha` is that of the subject on its canvas; the result has its size. Where the edge of the canvas cuts the subject
/// off, the shadow continues as if the subject did. Without blur it is the subject's shape widened by the spread; without
/// either, `alpha` itself.
///
/// The soft part has a strength of at most 0.6 to 1, which grows with the ratio of spread to blur. The contact shadow has a
/// fifth of the blur, so that it falls to a few percent within that distance.
pub fn top(alpha: &GrayImage, options: &TopOptions) -> GrayImage {
    let (blur, spread) = (usable_length(options.blur), usable_length(options.spread));
    if blur == 0.0 && spread == 0.0 {
        return alpha.clone();
    }
    let strength = (SOFT_STRENGTH * blur + spread) / (blur + spread);
    let soft = SoftShape::new(alpha, spread, blur / 2.0, (0, 0));
    let contact = SoftShape::new(alpha, 0.0, CONTACT_BLUR * blur / 2.0, (0, 0));
    filled(alpha, |y, RowBuffers { cells, other }, row| {
        soft.row(y, cells, row);
        other.resize(row.len(), 0.0);
        contact.row(y, cells, other);
        add_contact(row, other, strength as f32);
    })
}

/// Combines the soft part, with this strength, and the contact shadow: each takes its share of the light that the other
/// leaves. Squaring keeps the contact shadow dense up to the outline.
pub(super) fn add_contact(row: &mut [f32], contact: &[f32], strength: f32) {
    for (value, contact) in row.iter_mut().zip(contact) {
        let light = 1.0 - *contact;
        *value = 1.0 - (1.0 - strength * *value) * light * light;
    }
}
