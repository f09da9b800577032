//! The shadows of a subject on a new background.
//!
//! | function | whose shadow it looks like |
//! |---|---|
//! | [`top`] | that of something lying on a table, seen from above under soft light |
//! | [`wall`] | that of something in front of a wall, on the wall |
//! | [`fn@ground`] | that of something standing on the ground, beneath it |
//! | [`fn@preserved`] | the one that is in the photograph |
//!
//! The first three are made of the alpha of the subject on its canvas, the last one of the photograph. Each is a
//! picture of the *coverage*: 0 is no shadow, 255 a full one. How dark and of what color a full shadow is, is not
//! decided here. Coverage is meant for light and not for encoded values: what is behind is multiplied, in linear
//! light, by 1 - opacity × coverage / 255. What lies beneath the subject has coverage as well.
//!
//! Blur is a true Gaussian and spread a true distance (see `plane.rs` and `distance.rs`); both are worked out in
//! cells of several pixels where the blur is wide, and are filled in between them by a smooth spline (see `soft.rs`).
//! All run on the threads of the current rayon pool, and the result does not depend on their number. Beside their
//! arguments and the result, the first three take about 16 bytes for each cell, and at most 200 MB: there are never
//! more than 12 million cells.

mod distance;
mod ground;
mod light;
mod plane;
mod preserved;
mod soft;
mod sweep;

use image::GrayImage;
use rayon::prelude::*;

use ground::Stand;
pub use preserved::{NoSweep, preserved};
use soft::Soft;

/// The longest blur, spread and offset, in pixels. Longer ones are taken to be that long.
const LONGEST: f64 = 20_000.0;
/// Of the blur of the soft part of [`top`], that of the contact shadow.
const CONTACT: f64 = 0.2;
/// The same of the pool of [`fn@ground`].
const CONTACT_OF_STAND: f64 = 0.3;
/// The full strength of the soft part of [`top`], where it is blurred much wider than it is spread. It leaves room
/// for the contact shadow to be darker.
const PART_OF_SOFT: f64 = 0.6;
/// How much shorter a length on the ground is that leads away from us, for [`fn@ground`].
const FLAT: f64 = 0.3;
/// How much deeper the pool of [`fn@ground`] is than the outline tells, behind and before, in its standard
/// deviations. Of most things only the front is seen.
const DEEPER: f64 = 1.2;
/// The most that it is blurred, as a share of the width that the subject stands on.
const MOST_OF_STAND: f64 = 0.3;

/// How a shadow seen from above looks. Lengths are in pixels of the canvas, from 0 to 20,000; what is not finite
/// counts as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopOptions {
    /// Over how many pixels the soft part fades, to either side of where it ends. The standard deviation is half of
    /// it, as in CSS.
    pub blur: f64,
    /// How far the shadow reaches beyond the outline before it fades.
    pub spread: f64,
}

impl TopOptions {
    /// What looks right on a canvas of this size: a blur of 5 % and a spread of 1 % of the shorter side. An opacity
    /// of 0.5 goes with it.
    pub fn of_canvas(width: u32, height: u32) -> Self {
        let side = f64::from(width.min(height));
        Self { blur: 0.05 * side, spread: 0.01 * side }
    }
}

/// How a shadow on a wall looks. Lengths are in pixels of the canvas, from 0 to 20,000; what is not finite counts as
/// 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WallOptions {
    /// How far the shadow is moved to the right; below 0 to the left. It is rounded to whole pixels.
    pub dx: f64,
    /// How far the shadow is moved down; below 0 up. It is rounded to whole pixels.
    pub dy: f64,
    /// Over how many pixels it fades, to either side of its outline; as in CSS.
    pub blur: f64,
    /// By how much it is larger than the subject on all sides.
    pub spread: f64,
    /// How much weaker it is at its far end, from 0 (not at all) to 1 (nothing is left there).
    pub fade: f64,
}

impl WallOptions {
    /// What looks right on a canvas of this size: moved by 3 % of the shorter side to the right and 2 % down, with a
    /// blur of 4 %. An opacity of 0.3 goes with it.
    pub fn of_canvas(width: u32, height: u32) -> Self {
        let side = f64::from(width.min(height));
        Self { dx: 0.03 * side, dy: 0.02 * side, blur: 0.04 * side, spread: 0.0, fade: 0.3 }
    }
}

/// The shadow of something that lies on a table, seen from above under a soft light: a soft one all around, and at
/// the outline, where hardly any light gets in between, a dense and narrow contact shadow.
///
/// `alpha` is that of the subject, placed on its canvas; the result has its size. Where the subject is cut off by the
/// edge of the canvas, the shadow goes on as if the subject did. Without blur it is the subject's shape made wider by
/// the spread; without either, `alpha` itself.
///
/// The soft part is widened and blurred; it is at most 0.6 to 1 of a full shadow, the more the wider the spread is
/// than the blur. The contact shadow is blurred by a fifth of that, so that it falls to a few percent within a fifth
/// of the blur.
pub fn top(alpha: &GrayImage, options: &TopOptions) -> GrayImage {
    let (blur, spread) = (length(options.blur), length(options.spread));
    if blur == 0.0 && spread == 0.0 {
        return alpha.clone();
    }
    let strength = (PART_OF_SOFT * blur + spread) / (blur + spread);
    let wide = Soft::new(alpha, spread, blur / 2.0, (0, 0));
    let near = Soft::new(alpha, 0.0, CONTACT * blur / 2.0, (0, 0));
    filled(alpha, |y, room, row| {
        let Room { between, other } = room;
        wide.row(y, between, row);
        other.resize(row.len(), 0.0);
        near.row(y, between, other);
        for (value, near) in row.iter_mut().zip(other) {
            // Both take of the light what the other one leaves. The square keeps the contact shadow dense up to the
            // outline.
            let open = 1.0 - *near;
            *value = 1.0 - (1.0 - strength as f32 * *value) * open * open;
        }
    })
}

/// The shadow that a subject casts on a wall behind it, under one light in front: its own shape, made wider, moved
/// and blurred.
///
/// `alpha` is that of the subject, placed on its canvas; the result has its size. Where the subject is cut off by the
/// edge of the canvas, the shadow goes on as if the subject did.
///
/// A wall's shadow is filled with stray light where it is far from what casts it. With `fade` it is weaker towards
/// its far end, in the direction that it is moved to; where it is not moved, towards its upper end, away from where
/// the subject stands. It changes smoothly from the one end of the shadow's shape on the canvas to the other.
pub fn wall(alpha: &GrayImage, options: &WallOptions) -> GrayImage {
    let whole = |value: f64| if value.is_finite() { value.clamp(-LONGEST, LONGEST).round() as i64 } else { 0 };
    let offset = (whole(options.dx), whole(options.dy));
    let fade = if options.fade.is_finite() { options.fade.clamp(0.0, 1.0) as f32 } else { 0.0 };
    let soft = Soft::new(alpha, length(options.spread), length(options.blur) / 2.0, offset);
    let slope = Slope::new(alpha, offset);
    filled(alpha, |y, room, row| {
        soft.row(y, &mut room.between, row);
        if fade > 0.0 {
            for (x, value) in row.iter_mut().enumerate() {
                *value *= 1.0 - fade * slope.at(x, y);
            }
        }
    })
}

/// How a shadow beneath something that stands looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundOptions {
    /// Over how many pixels of the canvas the pool fades, to either side of the ground that the subject covers; the
    /// standard deviation is half of it, but at most 0.3 of the width that the subject stands on. From 0 to 20,000;
    /// what is not finite counts as 0. Up and down it is three tenths of that, since the ground is seen at an angle.
    pub blur: f64,
}

impl GroundOptions {
    /// What looks right on a canvas of this size: a blur of 6 % of the shorter side. An opacity of 0.5 goes with it.
    pub fn of_canvas(width: u32, height: u32) -> Self {
        Self { blur: 0.06 * f64::from(width.min(height)) }
    }
}

/// The shadow beneath something that stands on the ground and is seen from the side or a little from above, under a
/// soft light from above: a flat pool over the ground that it covers, and a dense and narrow contact shadow where it
/// touches it.
///
/// `alpha` is that of the subject, placed on its canvas; the result has its size. Where it touches the ground is told
/// from its outline (see `ground.rs`), for a thing with legs too. A subject that is cut off by the lower edge of the
/// canvas stands outside of the picture, and has no such shadow; one that is cut off by another side has one that
/// goes on as if the subject did. It is nothing for what is seen from above.
pub fn ground(alpha: &GrayImage, options: &GroundOptions) -> GrayImage {
    let blank = || GrayImage::new(alpha.width(), alpha.height());
    let Some(stand) = Stand::new(alpha) else { return blank() };
    let across = (length(options.blur) / 2.0).min(MOST_OF_STAND * stand.width());
    let down = FLAT * across;
    let near = (CONTACT_OF_STAND * across, CONTACT_OF_STAND * down);
    // All that happens, happens in a few rows.
    let (highest, lowest) = stand.rows();
    let reach = (DEEPER + plane::REACH) * down + 2.0;
    let first = (highest - reach).max(0.0) as u32;
    let last = ((lowest + reach) as u32).min(alpha.height() - 1);
    let size = (alpha.width(), last + 1 - first);
    let pool = Soft::flat(&stand.footprint(size, first, DEEPER * down), (across, down));
    let contact = Soft::flat(&stand.contact(size, first, 2.0 * near.1, 0.5 * near.1), near);
    let rows = first as usize..=last as usize;
    filled(alpha, |y, Room { between, other }, row| {
        row.fill(0.0);
        if !rows.contains(&y) {
            return;
        }
        pool.row(y - first as usize, between, row);
        other.resize(row.len(), 0.0);
        contact.row(y - first as usize, between, other);
        for (value, contact) in row.iter_mut().zip(other) {
            let open = 1.0 - *contact;
            *value = 1.0 - (1.0 - PART_OF_SOFT as f32 * *value) * open * open;
        }
    })
}

/// The way from the near end of a shadow to its far one.
#[derive(Debug, Clone, Copy)]
struct Slope {
    along: (f32, f32),
    from: f32,
    length: f32,
}

impl Slope {
    /// That of a shadow that is moved by this much.
    fn new(alpha: &GrayImage, offset: (i64, i64)) -> Self {
        let (dx, dy) = (offset.0 as f32, offset.1 as f32);
        let far = dx.hypot(dy);
        let along = if far > 0.0 { (dx / far, dy / far) } else { (0.0, -1.0) };
        let place = |x: usize, y: usize| along.0 * x as f32 + along.1 * y as f32;
        // The extremes of a row are at its ends, whatever the direction.
        let rows = alpha.as_raw().par_chunks_exact(alpha.width() as usize).enumerate();
        let ends = rows.filter_map(|(y, row)| {
            let first = row.iter().position(|alpha| *alpha >= 128)?;
            let last = row.iter().rposition(|alpha| *alpha >= 128)?;
            let (a, b) = (place(first, y), place(last, y));
            Some((a.min(b), a.max(b)))
        });
        let (near, end) =
            ends.reduce_with(|(near, end), (other, further)| (near.min(other), end.max(further))).unwrap_or((0.0, 0.0));
        Self { along, from: near + far, length: (end - near).max(1.0) }
    }

    /// How far along a pixel is, smoothly from 0 to 1.
    fn at(self, x: usize, y: usize) -> f32 {
        let place = self.along.0 * x as f32 + self.along.1 * y as f32;
        smooth((place - self.from) / self.length)
    }
}

/// From 0 to 1 without a bend at either end.
fn smooth(share: f32) -> f32 {
    let share = share.clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// A length that can be worked with.
fn length(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, LONGEST) } else { 0.0 }
}

/// What a thread needs to work out a row.
#[derive(Default)]
struct Room {
    between: Vec<f32>,
    other: Vec<f32>,
}

/// A picture of the size of `alpha`, row by row from shares of 0 to 1.
fn filled(alpha: &GrayImage, shares: impl Fn(usize, &mut Room, &mut [f32]) + Sync) -> GrayImage {
    let mut filled = GrayImage::new(alpha.width(), alpha.height());
    let rows = filled.par_chunks_exact_mut(alpha.width().max(1) as usize).enumerate();
    rows.for_each_init(
        || (Room::default(), vec![0.0; alpha.width() as usize]),
        |(room, shares_of_row), (y, row)| {
            shares(y, room, shares_of_row);
            for (value, share) in row.iter_mut().zip(&*shares_of_row) {
                *value = (share * 255.0 + 0.5) as u8;
            }
        },
    );
    filled
}
