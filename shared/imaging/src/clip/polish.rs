//! Improves the nodes that were chosen: straight segments and their crossings first, then the positions and directions of
//! all other joints by search.

use rayon::prelude::*;

use super::bezier::farthest;
use super::ring::{Joint, Ring, Segment};
use super::samples::Samples;
use super::straighten::straighten;
use crate::path::Point;

/// How often all joints are searched.
const SWEEPS: usize = 2;
/// The first steps of the search: pixels across the outline, and radians.
const ACROSS: f64 = 0.2;
const TURN: f64 = 0.06;
/// A curve is divided if its farthest sample is farther away than the tolerance times this factor.
const EXCESS: f64 = 1.3;
/// How often curves are divided, and the fewest samples of a curve that is.
const DIVISIONS: usize = 3;
const MIN_DIVISIBLE: usize = 10;

/// Improves the joints of an outline, removes those that are not needed afterwards, and adds some where a curve is still
/// too far off.
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

/// Removes joints between two curves that one curve can replace.
fn merge(ring: &mut Ring, tolerance: f64) {
    let count = ring.joints.len();
    let mut before: Vec<usize> = (0..count).map(|index| ring.previous(index)).collect();
    let mut after: Vec<usize> = (0..count).map(|index| ring.next(index)).collect();
    let (mut kept, mut left) = (vec![true; count], count);
    for index in 0..count {
        if left <= 2 {
            break;
        }
        let (last, next) = (before[index], after[index]);
        let (one, other) = (&ring.segments[last], &ring.segments[index]);
        if !ring.joints[index].smooth || one.straight || other.straight {
            continue;
        }
        let mut samples = one.samples.clone();
        samples.extend_from_slice(other.samples.get(1..).unwrap_or_default());
        // Both have the same step: a joint between sections is a corner.
        let merged = Segment { samples, gaps: [one.gaps[0], other.gaps[1]], ..other.clone() };
        if merged.fit(&ring.joints[last], &ring.joints[next]).max_distance <= tolerance {
            ring.segments[last] = merged;
            (kept[index], left) = (false, left - 1);
            (after[last], before[next]) = (next, last);
        }
    }
    let mut stays = kept.iter();
    ring.segments.retain(|_| stays.next().copied().unwrap_or(true));
    let mut stays = kept.iter();
    ring.joints.retain(|_| stays.next().copied().unwrap_or(true));
}

/// Divides curves that are too far from the outline at their farthest sample. Returns whether there were any.
fn divide(ring: &mut Ring, tolerance: f64) -> bool {
    let divisions = divisions(ring, tolerance);
    if divisions.iter().all(Option::is_none) {
        return false;
    }
    let mut divided = Ring::default();
    let mut added = Vec::new();
    for ((index, segment), division) in ring.segments.iter().enumerate().zip(divisions) {
        divided.joints.push(ring.joints[index]);
        let Some(at) = division else {
            divided.segments.push(segment.clone());
            continue;
        };
        let at = at.clamp(MIN_DIVISIBLE / 2 - 1, segment.samples.len() - MIN_DIVISIBLE / 2);
        let samples = Samples { points: segment.samples.clone(), step: segment.step };
        let bounds = (at - segment.gaps[0].min(at), samples.last() - at);
        let tangent = samples.tangent(at, bounds, tolerance / 2.0);
        let direction = tangent.direction;
        let part = |range: std::ops::RangeInclusive<usize>, gaps| Segment {
            samples: segment.samples[range].to_vec(),
            gaps,
            ..segment.clone()
        };
        divided.segments.push(part(0..=at, [segment.gaps[0], 1]));
        added.push(divided.joints.len());
        let joint = Joint { at: tangent.at, arrives: direction, leaves: direction, smooth: true, fixed: false };
        divided.joints.push(joint);
        divided.segments.push(part(at..=samples.last(), [1, segment.gaps[1]]));
    }
    *ring = divided;
    for index in added {
        ring.joints[index] = improved(ring, index, 1.0, tolerance);
    }
    true
}

/// For each segment, the sample at which it is to be divided.
fn divisions(ring: &Ring, tolerance: f64) -> Vec<Option<usize>> {
    let segments = ring.segments.par_iter().enumerate();
    let divisions = segments.map(|(index, segment)| {
        if segment.straight || segment.samples.len() < MIN_DIVISIBLE {
            return None;
        }
        let curve = ring.fit(index).curve;
        let (at, distance) = farthest(&curve, &segment.samples, segment.gaps)?;
        (distance > EXCESS * tolerance).then_some(at)
    });
    divisions.collect()
}

/// Searches for a better position and direction of every joint.
fn sweep(ring: &mut Ring, scale: f64, tolerance: f64) {
    // A joint is rated by the curves to its two neighbors, so all even joints can be searched in parallel, and then all odd
    // ones. If the count is odd, the last joint is next to the first and comes on its own.
    let count = ring.joints.len();
    let pairs = count / 2 * 2;
    let turns = [(0..pairs, 2), (1..pairs, 2), (pairs..count, 1)];
    for (indices, step) in turns {
        let moved: Vec<(usize, Joint)> = indices
            .into_par_iter()
            .step_by(step)
            .map(|index| (index, improved(ring, index, scale, tolerance)))
            .collect();
        for (index, joint) in moved {
            ring.joints[index] = joint;
        }
    }
}

/// The search for a better joint.
struct JointSearch<'a> {
    ring: &'a Ring,
    index: usize,
    tolerance: f64,
    best: Joint,
    min_error: f64,
}

impl JointSearch<'_> {
    /// The error of the curves on both sides of the joint, if it is replaced by `joint`.
    fn error(&self, joint: &Joint) -> f64 {
        let ring = self.ring;
        let before = ring.previous(self.index);
        let error = |segment: usize, from: &Joint, to: &Joint| {
            let segment = &ring.segments[segment];
            if segment.straight {
                return 0.0;
            }
            let fit = segment.fit(from, to);
            // Exceeding the tolerance outweighs everything else.
            fit.sum_of_squares + 1000.0 * (fit.max_distance - self.tolerance).max(0.0).powi(2)
        };
        error(before, &ring.joints[before], joint) + error(self.index, joint, &ring.joints[ring.next(self.index)])
    }

    /// Tries a change by a step in both directions, and then by the minimum of the parabola through the three errors.
    fn try_change(&mut self, step: f64, change: impl Fn(&mut Joint, f64)) {
        let (old, old_error) = (self.best, self.min_error);
        let mut attempt = |by: f64| {
            let mut joint = old;
            change(&mut joint, by);
            let error = self.error(&joint);
            if error < self.min_error {
                (self.min_error, self.best) = (error, joint);
            }
            error
        };
        let (less, more) = (attempt(-step), attempt(step));
        let curvature = less + more - 2.0 * old_error;
        if curvature > 0.0 {
            attempt((0.5 * (less - more) / curvature).clamp(-2.0, 2.0) * step);
        }
    }
}

/// A joint with a better position and direction, found one after the other.
fn improved(ring: &Ring, index: usize, scale: f64, tolerance: f64) -> Joint {
    let straight = [ring.segments[ring.previous(index)].straight, ring.segments[index].straight];
    let joint = ring.joints[index];
    if straight == [true, true] {
        return joint;
    }
    let mut search = JointSearch { ring, index, tolerance, best: joint, min_error: 0.0 };
    search.min_error = search.error(&joint);
    if joint.smooth && straight == [false, false] {
        search.try_change(ACROSS * scale, |joint, by| {
            let direction = joint.leaves;
            joint.at = Point { x: joint.at.x - direction.y * by, y: joint.at.y + direction.x * by };
        });
        search.try_change(TURN * scale, |joint, by| {
            joint.leaves = rotated(joint.leaves, by);
            joint.arrives = joint.leaves;
        });
    } else if !joint.smooth {
        if !straight[0] {
            search.try_change(2.0 * TURN * scale, |joint, by| joint.arrives = rotated(joint.arrives, by));
        }
        if !straight[1] {
            search.try_change(2.0 * TURN * scale, |joint, by| joint.leaves = rotated(joint.leaves, by));
        }
    }
    search.best
}

fn rotated(direction: Point, by: f64) -> Point {
    let (sine, cosine) = by.sin_cos();
    Point { x: direction.x * cosine - direction.y * sine, y: direction.x * sine + direction.y * cosine }
}
