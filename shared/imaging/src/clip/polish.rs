//! Nodes that were chosen, moved to where they belong: straight sides and their crossings first, then places
//! and directions of the others by search.

use rayon::prelude::*;

use super::bezier::{distance, farthest};
use super::fit::{Joint, Ring, Side};
use super::samples::{Line, Samples};
use crate::path::Point;

/// How far a node may be moved onto a straight side, and onto the crossing of two, in pixels.
const ONTO: f64 = 1.0;
const ONTO_CROSSING: f64 = 1.5;
/// How often all nodes are gone through, and the first steps: pixels across the outline, and radians.
const SWEEPS: usize = 2;
const ACROSS: f64 = 0.2;
const TURN: f64 = 0.06;
/// The most that directions at a node without a corner may differ when a straight side has given one of them.
const SAME_DIRECTION: f64 = 0.985;

/// How far beyond the tolerance the worst place of a curve may be, as a factor, before the curve is divided.
const BEYOND: f64 = 1.3;
/// How often curves are divided, and the fewest samples of one that is.
const DIVISIONS: usize = 3;
const DIVISIBLE: usize = 10;

/// Improves the nodes of an outline, leaves out those that are not needed then, and adds some where a curve
/// is still too far off.
pub(super) fn polish(ring: &mut Ring, tolerance: f64) {
    if ring.joints.len() < 2 {
        return;
    }
    straighten(ring, tolerance);
    let mut scale = 1.0;
    for _ in 0..SWEEPS {
        sweep(ring, scale, tolerance);
        merge(ring, tolerance);
        scale *= 0.5;
    }
    for _ in 0..DIVISIONS {
        if !divide(ring, tolerance) {
            break;
        }
    }
}

/// Leaves out joints without which one curve is near enough.
fn merge(ring: &mut Ring, tolerance: f64) {
    let count = ring.joints.len();
    let mut before: Vec<usize> = (0..count).map(|index| (index + count - 1) % count).collect();
    let mut after: Vec<usize> = (0..count).map(|index| (index + 1) % count).collect();
    let (mut kept, mut left) = (vec![true; count], count);
    for index in 0..count {
        if left <= 2 {
            break;
        }
        let (last, next) = (before[index], after[index]);
        let (one, other) = (&ring.sides[last], &ring.sides[index]);
        if !ring.joints[index].smooth || one.straight || other.straight {
            continue;
        }
        let mut samples = one.samples.clone();
        samples.extend_from_slice(other.samples.get(1..).unwrap_or_default());
        // Both are of one piece: a joint between pieces is a corner.
        let side = Side { samples, gaps: [one.gaps[0], other.gaps[1]], ..other.clone() };
        if side.fit(&ring.joints[last], &ring.joints[next]).worst <= tolerance {
            ring.sides[last] = side;
            (kept[index], left) = (false, left - 1);
            (after[last], before[next]) = (next, last);
        }
    }
    let mut stays = kept.iter();
    ring.sides.retain(|_| stays.next().copied().unwrap_or(true));
    let mut stays = kept.iter();
    ring.joints.retain(|_| stays.next().copied().unwrap_or(true));
}

/// Divides curves that are too far from the outline at the farthest place. Whether there were any.
fn divide(ring: &mut Ring, tolerance: f64) -> bool {
    let farthest: Vec<Option<usize>> = ring
        .sides
        .par_iter()
        .enumerate()
        .map(|(index, side)| {
            if side.straight || side.samples.len() < DIVISIBLE {
                return None;
            }
            let curve = side.fit(&ring.joints[index], &ring.joints[ring.next(index)]).curve;
            farthest(&curve, &side.samples, side.gaps).filter(|(_, away)| *away > BEYOND * tolerance).map(|(at, _)| at)
        })
        .collect();
    let mut any = false;
    let mut divided = Ring::default();
    let mut added = Vec::new();
    for ((index, side), at) in ring.sides.iter().enumerate().zip(farthest) {
        divided.joints.push(ring.joints[index]);
        let Some(at) = at else {
            divided.sides.push(side.clone());
            continue;
        };
        any = true;
        let at = at.clamp(DIVISIBLE / 2 - 1, side.samples.len() - DIVISIBLE / 2);
        let samples = Samples { places: side.samples.clone(), step: side.step };
        let bounds = (at - side.gaps[0].min(at), samples.last() - at);
        let local = samples.local(at, bounds, tolerance / 2.0);
        let direction = local.direction;
        let part = |range: std::ops::RangeInclusive<usize>, gaps| Side {
            samples: side.samples[range].to_vec(),
            gaps,
            ..side.clone()
        };
        divided.sides.push(part(0..=at, [side.gaps[0], 1]));
        added.push(divided.joints.len());
        divided.joints.push(Joint { at: local.at, arrives: direction, leaves: direction, smooth: true, fixed: false });
        divided.sides.push(part(at..=samples.last(), [1, side.gaps[1]]));
    }
    if any {
        *ring = divided;
        for index in added {
            ring.joints[index] = searched(ring, index, 1.0, tolerance);
        }
    }
    any
}

/// Puts the ends of straight sides onto the lines through all their samples, and gives the directions of the
/// sides to the curves next to them.
fn straighten(ring: &mut Ring, tolerance: f64) {
    let count = ring.joints.len();
    let lines: Vec<Option<Line>> = ring
        .sides
        .iter()
        .map(|side| {
            if side.frame {
                return Some(Line::through(side.samples.iter().copied()));
            }
            let inner = side.gaps[0]..side.samples.len().saturating_sub(side.gaps[1]);
            let inner = side.samples.get(inner).filter(|inner| side.straight && inner.len() >= 4)?;
            Some(Line::through(inner.iter().copied()))
        })
        .collect();
    for index in 0..count {
        let before = (index + count - 1) % count;
        let joint = &mut ring.joints[index];
        if joint.fixed {
            continue;
        }
        let moved = match (&lines[before], &lines[index]) {
            (Some(one), Some(other)) => one.crossing(other).map(|at| (at, ONTO_CROSSING)),
            (Some(line), None) | (None, Some(line)) => Some((line.nearest(joint.at), ONTO)),
            (None, None) => None,
        };
        if let Some((at, most)) = moved
            && distance(at, joint.at) <= most
        {
            joint.at = at;
        }
    }
    for index in 0..count {
        let next = ring.next(index);
        let (from, to) = (ring.joints[index].at, ring.joints[next].at);
        let length = distance(from, to);
        if ring.sides[index].straight && length > 0.0 {
            let direction = Point { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
            ring.joints[index].leaves = direction;
            ring.joints[next].arrives = direction;
        }
    }
    for index in 0..count {
        let before = (index + count - 1) % count;
        let (arriving, leaving) = (ring.sides[before].straight, ring.sides[index].straight);
        let old = ring.joints[index];
        if !old.smooth || !(arriving || leaving) {
            continue;
        }
        let same = old.arrives.x * old.leaves.x + old.arrives.y * old.leaves.y >= SAME_DIRECTION;
        if arriving && leaving {
            ring.joints[index].smooth = false;
            continue;
        }
        let direction = if arriving { old.arrives } else { old.leaves };
        let joint = &mut ring.joints[index];
        (joint.arrives, joint.leaves) = (direction, direction);
        // Where the curve cannot follow the direction of the straight side, both are curves.
        let curve = if arriving { index } else { before };
        let next = ring.next(curve);
        if ring.sides[curve].fit(&ring.joints[curve], &ring.joints[next]).worst > tolerance * BEYOND || !same {
            let straight = if arriving { before } else { index };
            ring.sides[straight].straight = false;
            let mean = Point { x: old.arrives.x + old.leaves.x, y: old.arrives.y + old.leaves.y };
            let long = mean.x.hypot(mean.y).max(1e-9);
            let mean = Point { x: mean.x / long, y: mean.y / long };
            let joint = &mut ring.joints[index];
            (joint.arrives, joint.leaves) = (mean, mean);
        }
    }
}

/// Searches for a better place and direction of every joint.
fn sweep(ring: &mut Ring, scale: f64, tolerance: f64) {
    // A joint is judged by the curves to its two neighbours, so those with an even number do not wait for each other,
    // nor do those with an odd one; but the last of an odd count stands beside the first.
    let count = ring.joints.len();
    let pairs = count / 2 * 2;
    let turns = [(0..pairs, 2), (1..pairs, 2), (pairs..count, 1)];
    for (numbers, step) in turns {
        let moved: Vec<(usize, Joint)> = numbers
            .into_par_iter()
            .step_by(step)
            .map(|index| (index, searched(ring, index, scale, tolerance)))
            .collect();
        for (index, joint) in moved {
            ring.joints[index] = joint;
        }
    }
}

/// A joint, and what it is judged by.
struct Search<'a> {
    ring: &'a Ring,
    index: usize,
    tolerance: f64,
    best: Joint,
    least: f64,
}

impl Search<'_> {
    /// How bad the curves at both sides of the joint are, if it is this one.
    fn badness(&self, joint: &Joint) -> f64 {
        let (ring, count) = (self.ring, self.ring.joints.len());
        let before = (self.index + count - 1) % count;
        let of = |side: usize, from: &Joint, to: &Joint| {
            let side = &ring.sides[side];
            if side.straight {
                return 0.0;
            }
            let fitted = side.fit(from, to);
            // What is beyond the tolerance counts more than anything else.
            fitted.squares + 1000.0 * (fitted.worst - self.tolerance).max(0.0).powi(2)
        };
        of(before, &ring.joints[before], joint) + of(self.index, joint, &ring.joints[ring.next(self.index)])
    }

    /// Tries a change by a step in both directions, and then at the least of the parabola through the three.
    fn along(&mut self, step: f64, change: impl Fn(&mut Joint, f64)) {
        let (old, least) = (self.best, self.least);
        let mut attempt = |by: f64| {
            let mut joint = old;
            change(&mut joint, by);
            let badness = self.badness(&joint);
            if badness < self.least {
                (self.least, self.best) = (badness, joint);
            }
            badness
        };
        let (less, more) = (attempt(-step), attempt(step));
        let bend = less + more - 2.0 * least;
        if bend > 0.0 {
            attempt((0.5 * (less - more) / bend).clamp(-2.0, 2.0) * step);
        }
    }
}

/// A better place and direction of one joint, searched for one after the other.
fn searched(ring: &Ring, index: usize, scale: f64, tolerance: f64) -> Joint {
    let count = ring.joints.len();
    let before = (index + count - 1) % count;
    let straight = [ring.sides[before].straight, ring.sides[index].straight];
    let joint = ring.joints[index];
    if straight == [true, true] {
        return joint;
    }
    let mut search = Search { ring, index, tolerance, best: joint, least: 0.0 };
    search.least = search.badness(&joint);
    if joint.smooth && straight == [false, false] {
        search.along(ACROSS * scale, |joint, by| {
            let direction = joint.leaves;
            joint.at = Point { x: joint.at.x - direction.y * by, y: joint.at.y + direction.x * by };
        });
        search.along(TURN * scale, |joint, by| {
            joint.leaves = turned(joint.leaves, by);
            joint.arrives = joint.leaves;
        });
    } else if !joint.smooth {
        if !straight[0] {
            search.along(2.0 * TURN * scale, |joint, by| joint.arrives = turned(joint.arrives, by));
        }
        if !straight[1] {
            search.along(2.0 * TURN * scale, |joint, by| joint.leaves = turned(joint.leaves, by));
        }
    }
    search.best
}

fn turned(direction: Point, by: f64) -> Point {
    let (sine, cosine) = by.sin_cos();
    Point { x: direction.x * cosine - direction.y * sine, y: direction.x * sine + direction.y * cosine }
}
