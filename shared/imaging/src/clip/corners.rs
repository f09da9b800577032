//! Corners of an outline, at the scale of a matte's own noise.
//!
//! A place is a corner if straight lines through the samples a little before it and a little after it make an
//! angle, and cross where the outline is. A tight bend makes an angle too, but there the lines cross outside
//! of it. The samples next to the place are left out: half a pixel of every corner is cut off by sampling, and
//! more of a sharp one.

use std::f64::consts::PI;

use super::bezier::distance;
use super::samples::{Line, Samples};
use crate::path::Point;

/// What is looked at, in samples, and the least angle by which the outline turns.
struct Scale {
    gap: usize,
    window: usize,
    turn: f64,
    /// How far the lines may cross from the outline, in pixels, but for the blunted tip.
    away: f64,
}

const SCALES: [Scale; 2] = [
    Scale { gap: 2, window: 7, turn: 50.0 * PI / 180.0, away: 0.4 },
    Scale { gap: 3, window: 15, turn: 32.0 * PI / 180.0, away: 0.35 },
];
/// No two corners are nearer to each other than this, in samples.
const APART: isize = 6;
/// One corner is seen from so many samples away at most, and then crosses at the same place, in pixels.
const SEEN_AGAIN: isize = 18;
const SAME: f64 = 3.0;
/// How far the sides of a corner may be from straight: the root of the mean square, in pixels.
const ROUGH: f64 = 0.35;
/// How much farther the lines may cross from the outline, for each unit of the cotangent of half the angle: the
/// tip is blunted so much. In pixels.
const TIP: f64 = 0.25;
const FARTHEST: f64 = 1.5;

/// A corner: which sample is nearest, and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corner {
    pub(crate) index: usize,
    pub(crate) at: Point,
}

/// The corners of a piece in their order. Of an open piece, the ends are not among them.
pub(crate) fn corners(samples: &Samples, closed: bool) -> Vec<Corner> {
    let last = samples.last();
    let mut found: Vec<(f64, Corner)> = Vec::new();
    for scale in &SCALES {
        let reach = scale.gap + scale.window;
        if last <= 2 * reach {
            continue;
        }
        let range = if closed { 0..last } else { reach..last + 1 - reach };
        found.extend(range.filter_map(|index| corner(samples, index, scale)));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Marked by the sample, so that an outline with many corners is not compared with itself.
    let mut taken: Vec<Option<Point>> = vec![None; last + 1];
    let mut corners: Vec<Corner> = Vec::new();
    for (_, corner) in found {
        let again = (-SEEN_AGAIN..=SEEN_AGAIN).any(|offset| {
            let place = corner.index as isize + offset;
            let place = if closed { place.rem_euclid(last as isize) } else { place.clamp(0, last as isize) };
            taken[place as usize].is_some_and(|other| offset.abs() < APART || distance(other, corner.at) < SAME)
        });
        if !again {
            taken[corner.index] = Some(corner.at);
            corners.push(corner);
        }
    }
    corners.sort_by_key(|corner| corner.index);
    corners
}

fn corner(samples: &Samples, index: usize, scale: &Scale) -> Option<(f64, Corner)> {
    let (gap, reach) = (scale.gap as isize, (scale.gap + scale.window) as isize);
    let here = samples.around(index, 0);
    let (before, after) = (samples.around(index, -reach), samples.around(index, reach));
    // Most places are no corner, which the chords tell at once.
    let (ax, ay, bx, by) = (here.x - before.x, here.y - before.y, after.x - here.x, after.y - here.y);
    if (ax * by - ay * bx).atan2(ax * bx + ay * by).abs() < scale.turn * 0.6 {
        return None;
    }
    let line = |from: isize, to: isize| Line::through((from..=to).map(move |offset| samples.around(index, offset)));
    let (before, after) = (line(-reach, -gap), line(gap, reach));
    if before.rough > ROUGH || after.rough > ROUGH {
        return None;
    }
    let (a, b) = (before.direction, after.direction);
    let turn = (a.x * b.y - a.y * b.x).atan2(a.x * b.x + a.y * b.y).abs();
    if turn < scale.turn {
        return None;
    }
    let at = before.crossing(&after)?;
    let away = |offset: isize| {
        let place = samples.around(index, offset);
        (place.x - at.x).hypot(place.y - at.y)
    };
    let away_from_outline = (-gap..=gap).map(away).fold(f64::INFINITY, f64::min);
    let allowed = (scale.away + TIP / ((PI - turn) / 2.0).tan()).min(FARTHEST);
    // The best of the places that see a corner is the one next to it, whose windows hold nothing of the tip.
    (away_from_outline <= allowed)
        .then(|| (turn - 0.4 * away(0) - 2.0 * (before.rough + after.rough), Corner { index, at }))
}
