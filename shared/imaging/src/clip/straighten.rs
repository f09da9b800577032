//! Aligns straight segments with the lines through their samples, and the curves next to them with the segments.

use super::bezier::distance;
use super::ring::{Ring, Segment, dot};
use super::samples::FittedLine;
use crate::path::Point;

/// How far a joint may be moved onto a line, and onto the crossing of two lines, in pixels.
const MAX_MOVE_ONTO_LINE: f64 = 1.0;
const MAX_MOVE_ONTO_CROSSING: f64 = 1.5;
/// The smallest cosine between the two directions of a joint without a corner, after a straight segment has set one of
/// them.
const MIN_SMOOTH_COSINE: f64 = 0.985;
/// A straight segment becomes a curve again if otherwise the curve next to it would be farther off than the tolerance
/// times this factor.
const EXCESS: f64 = 1.3;

/// Moves the ends of straight segments onto the lines through their samples, and gives the directions of the segments to
/// the curves next to them.
pub(super) fn straighten(ring: &mut Ring, tolerance: f64) {
    let lines = lines(ring);
    for index in 0..ring.joints.len() {
        move_onto_lines(ring, index, &lines);
    }
    for index in 0..ring.joints.len() {
        take_over_direction(ring, index);
    }
    for index in 0..ring.joints.len() {
        smooth_joint(ring, index, tolerance);
    }
}

/// For each straight segment, the line through its samples.
fn lines(ring: &Ring) -> Vec<Option<FittedLine>> {
    let line = |segment: &Segment| {
        if segment.on_frame {
            return Some(FittedLine::through(segment.samples.iter().copied()));
        }
        let inner = segment.gaps[0]..segment.samples.len().saturating_sub(segment.gaps[1]);
        let inner = segment.samples.get(inner).filter(|inner| segment.straight && inner.len() >= 4)?;
        Some(FittedLine::through(inner.iter().copied()))
    };
    ring.segments.iter().map(line).collect()
}

/// Moves a joint onto the line next to it or the crossing of both, unless that is far away.
fn move_onto_lines(ring: &mut Ring, index: usize, lines: &[Option<FittedLine>]) {
    let before = ring.previous(index);
    let joint = &mut ring.joints[index];
    if joint.fixed {
        return;
    }
    let target = match (&lines[before], &lines[index]) {
        (Some(one), Some(other)) => one.crossing(other).map(|at| (at, MAX_MOVE_ONTO_CROSSING)),
        (Some(line), None) | (None, Some(line)) => Some((line.closest(joint.at), MAX_MOVE_ONTO_LINE)),
        (None, None) => None,
    };
    if let Some((at, max_move)) = target
        && distance(at, joint.at) <= max_move
    {
        joint.at = at;
    }
}

/// Gives the direction of a straight segment to the joints at its ends.
fn take_over_direction(ring: &mut Ring, index: usize) {
    let next = ring.next(index);
    let (from, to) = (ring.joints[index].at, ring.joints[next].at);
    let length = distance(from, to);
    if ring.segments[index].straight && length > 0.0 {
        let direction = Point { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
        ring.joints[index].leaves = direction;
        ring.joints[next].arrives = direction;
    }
}

/// Gives a smooth joint between a straight segment and a curve a single direction: that of the segment if the curve can
/// follow it; otherwise the segment becomes a curve. A joint between two straight segments becomes a corner.
fn smooth_joint(ring: &mut Ring, index: usize, tolerance: f64) {
    let before = ring.previous(index);
    let (arriving, leaving) = (ring.segments[before].straight, ring.segments[index].straight);
    let old = ring.joints[index];
    if !old.smooth || !(arriving || leaving) {
        return;
    }
    if arriving && leaving {
        ring.joints[index].smooth = false;
        return;
    }
    let direction = if arriving { old.arrives } else { old.leaves };
    let joint = &mut ring.joints[index];
    (joint.arrives, joint.leaves) = (direction, direction);
    let (straight, curve) = if arriving { (before, index) } else { (index, before) };
    let similar = dot(old.arrives, old.leaves) >= MIN_SMOOTH_COSINE;
    if ring.fit(curve).max_distance > tolerance * EXCESS || !similar {
        ring.segments[straight].straight = false;
        let mean = Point { x: old.arrives.x + old.leaves.x, y: old.arrives.y + old.leaves.y };
        let length = mean.x.hypot(mean.y).max(1e-9);
        let mean = Point { x: mean.x / length, y: mean.y / length };
        let joint = &mut ring.joints[index];
        (joint.arrives, joint.leaves) = (mean, mean);
    }
}
