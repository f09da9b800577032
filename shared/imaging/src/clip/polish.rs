//! Nodes that were chosen, moved to where they belong: straight sides and their crossings first, then places
//! and directions of the others by search.

use super::bezier::distance;
use super::fit::{Joint, Ring};
use super::samples::Line;
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

pub(super) fn polish(ring: &mut Ring, tolerance: f64) {
    if ring.joints.len() < 2 {
        return;
    }
    straighten(ring);
    let mut scale = 1.0;
    for _ in 0..SWEEPS {
        for index in 0..ring.joints.len() {
            search(ring, index, scale, tolerance);
        }
        scale *= 0.5;
    }
}

/// Puts the ends of straight sides onto the lines through all their samples, and gives the directions of the
/// sides to the curves next to them.
fn straighten(ring: &mut Ring) {
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
        let (before, after) = (ring.sides[(index + count - 1) % count].straight, ring.sides[index].straight);
        let joint = &mut ring.joints[index];
        if joint.smooth && (before || after) {
            let same = joint.arrives.x * joint.leaves.x + joint.arrives.y * joint.leaves.y >= SAME_DIRECTION;
            joint.smooth = same && !(before && after);
            if joint.smooth && before {
                joint.leaves = joint.arrives;
            } else if joint.smooth {
                joint.arrives = joint.leaves;
            }
        }
    }
}

/// How bad the curves at both sides of a joint are.
fn badness(ring: &Ring, index: usize, tolerance: f64) -> f64 {
    let count = ring.joints.len();
    let before = (index + count - 1) % count;
    [before, index]
        .into_iter()
        .filter(|side| !ring.sides[*side].straight)
        .map(|side| {
            let fitted = ring.sides[side].fit(&ring.joints[side], &ring.joints[ring.next(side)]);
            // What is beyond the tolerance counts more than anything else.
            fitted.squares + 1000.0 * (fitted.worst - tolerance).max(0.0).powi(2)
        })
        .sum()
}

/// Searches for a better place and direction of one joint, one after the other.
fn search(ring: &mut Ring, index: usize, scale: f64, tolerance: f64) {
    let count = ring.joints.len();
    let before = (index + count - 1) % count;
    let straight = [ring.sides[before].straight, ring.sides[index].straight];
    if straight == [true, true] {
        return;
    }
    let joint = ring.joints[index];
    let mut least = badness(ring, index, tolerance);
    if joint.smooth && straight == [false, false] {
        least = along(ring, index, tolerance, least, ACROSS * scale, |joint, by| {
            let direction = joint.leaves;
            joint.at = Point { x: joint.at.x - direction.y * by, y: joint.at.y + direction.x * by };
        });
        along(ring, index, tolerance, least, TURN * scale, |joint, by| {
            joint.leaves = turned(joint.leaves, by);
            joint.arrives = joint.leaves;
        });
        return;
    }
    if !joint.smooth {
        if !straight[0] {
            least = along(ring, index, tolerance, least, 2.0 * TURN * scale, |joint, by| {
                joint.arrives = turned(joint.arrives, by);
            });
        }
        if !straight[1] {
            along(ring, index, tolerance, least, 2.0 * TURN * scale, |joint, by| {
                joint.leaves = turned(joint.leaves, by);
            });
        }
    }
}

/// Tries a change by a step in both directions, and then at the least of the parabola through the three.
fn along(
    ring: &mut Ring,
    index: usize,
    tolerance: f64,
    least: f64,
    step: f64,
    change: impl Fn(&mut Joint, f64),
) -> f64 {
    let old = ring.joints[index];
    let mut best = (least, old);
    let mut attempt = |by: f64| {
        let mut joint = old;
        change(&mut joint, by);
        ring.joints[index] = joint;
        let badness = badness(ring, index, tolerance);
        if badness < best.0 {
            best = (badness, joint);
        }
        badness
    };
    let (less, more) = (attempt(-step), attempt(step));
    let bend = less + more - 2.0 * least;
    if bend > 0.0 {
        attempt((0.5 * (less - more) / bend).clamp(-2.0, 2.0) * step);
    }
    ring.joints[index] = best.1;
    best.0
}

fn turned(direction: Point, by: f64) -> Point {
    let (sine, cosine) = by.sin_cos();
    Point { x: direction.x * cosine - direction.y * sine, y: direction.x * sine + direction.y * cosine }
}
