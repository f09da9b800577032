//! Finds the corners of an outline, at the scale of a matte's noise.
//!
//! A sample is at a corner if the straight lines through the samples shortly before and shortly after it form an angle and
//! cross on the outline. A tight bend forms an angle too, but its lines cross outside of the outline. The samples next to
//! the corner are ignored: sampling cuts off half a pixel of every corner, and more of an acute one.

use std::f64::consts::PI;

use super::bezier::distance;
use super::samples::{FittedLine, Samples};
use crate::path::Point;

/// The windows on either side of a sample, and the thresholds for a corner.
struct CornerScale {
    /// Samples between the corner and a window.
    gap: usize,
    /// Samples in a window.
    window: usize,
    /// The smallest angle by which the outline turns, in radians.
    min_turn: f64,
    /// How far from the outline the lines may cross, in pixels, before the allowance for the blunted tip.
    max_away: f64,
}

const SCALES: [CornerScale; 2] = [
    CornerScale { gap: 2, window: 7, min_turn: 50.0 * PI / 180.0, max_away: 0.4 },
    CornerScale { gap: 3, window: 15, min_turn: 32.0 * PI / 180.0, max_away: 0.35 },
];
/// The smallest distance of two corners, in samples.
const MIN_DISTANCE: isize = 6;
/// Samples up to this far apart may see the same corner. Their lines then cross within [`SAME`] pixels.
const SEEN_AGAIN: isize = 18;
const SAME: f64 = 3.0;
/// The largest root mean square distance of the samples from the lines, in pixels.
const MAX_RMS: f64 = 0.35;
/// Sampling blunts the tip of a corner, so the lines may cross farther away: by this many pixels for each unit of the
/// cotangent of half the angle, and at most [`MAX_AWAY`] pixels in all.
const TIP: f64 = 0.25;
const MAX_AWAY: f64 = 1.5;

/// A corner and the index of the closest sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corner {
    pub(super) index: usize,
    pub(super) at: Point,
}

/// The corners of a section, in order. The ends of an open section are not included.
pub(super) fn corners(samples: &Samples, closed: bool) -> Vec<Corner> {
    let last = samples.last();
    let mut rated: Vec<(f64, Corner)> = Vec::new();
    for scale in &SCALES {
        let reach = scale.gap + scale.window;
        if last <= 2 * reach {
            continue;
        }
        let range = if closed { 0..last } else { reach..last + 1 - reach };
        rated.extend(range.filter_map(|index| corner(samples, index, scale)));
    }
    rated.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Corners by sample, so that each is compared with its surroundings only.
    let mut taken: Vec<Option<Point>> = vec![None; last + 1];
    let mut corners: Vec<Corner> = Vec::new();
    for (_, corner) in rated {
        let again = (-SEEN_AGAIN..=SEEN_AGAIN).any(|offset| {
            let index = corner.index as isize + offset;
            let index = if closed { index.rem_euclid(last as isize) } else { index.clamp(0, last as isize) };
            taken[index as usize].is_some_and(|other| offset.abs() < MIN_DISTANCE || distance(other, corner.at) < SAME)
        });
        if !again {
            taken[corner.index] = Some(corner.at);
            corners.push(corner);
        }
    }
    corners.sort_by_key(|corner| corner.index);
    corners
}

/// The corner seen from a sample, if there is one, with a rating: the higher the better.
fn corner(samples: &Samples, index: usize, scale: &CornerScale) -> Option<(f64, Corner)> {
    let (gap, reach) = (scale.gap as isize, (scale.gap + scale.window) as isize);
    let here = samples.around(index, 0);
    let (before, after) = (samples.around(index, -reach), samples.around(index, reach));
    // The chords rule out most samples at little cost.
    let (ax, ay, bx, by) = (here.x - before.x, here.y - before.y, after.x - here.x, after.y - here.y);
    if (ax * by - ay * bx).atan2(ax * bx + ay * by).abs() < scale.min_turn * 0.6 {
        return None;
    }
    let line =
        |from: isize, to: isize| FittedLine::through((from..=to).map(move |offset| samples.around(index, offset)));
    let (before, after) = (line(-reach, -gap), line(gap, reach));
    if before.rms > MAX_RMS || after.rms > MAX_RMS {
        return None;
    }
    let (a, b) = (before.direction, after.direction);
    let turn = (a.x * b.y - a.y * b.x).atan2(a.x * b.x + a.y * b.y).abs();
    if turn < scale.min_turn {
        return None;
    }
    let at = before.crossing(&after)?;
    let away = |offset: isize| {
        let point = samples.around(index, offset);
        (point.x - at.x).hypot(point.y - at.y)
    };
    let away_from_outline = (-gap..=gap).map(away).fold(f64::INFINITY, f64::min);
    let allowed = (scale.max_away + TIP / ((PI - turn) / 2.0).tan()).min(MAX_AWAY);
    // Of the samples that see a corner, the closest one rates best: the tip is outside of its windows.
    (away_from_outline <= allowed)
        .then(|| (turn - 0.4 * away(0) - 2.0 * (before.rms + after.rms), Corner { index, at }))
}
