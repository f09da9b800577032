//! The choice of nodes between two corners, by dynamic programming over candidates a few pixels apart: as few nodes as
//! stay within the tolerance, and of those the ones whose curves are closest to the outline.
//!
//! The direction of the outline at each candidate is known beforehand, so that the curves on both sides share it.

use rayon::prelude::*;

use super::bezier::{CurveEnd, distance, fit_curve};
use super::ring::{dot, reverse};
use super::samples::{STEP, Samples};
use crate::path::Point;

/// The cost of a straight segment, where a curve costs 1.
const STRAIGHT_COST: f64 = 0.7;
/// A deviation by the tolerance along this many pixels of outline costs as much as a curve.
const PIXELS_PER_CURVE: f64 = 60.0;
/// The shortest straight segment with an end that is not a corner, in pixels.
const MIN_STRAIGHT: f64 = 12.0;
/// The cosine of the largest angle between a straight segment and the outline at an end that is not a corner: 5 degrees.
const MIN_STRAIGHT_COSINE: f64 = 0.9962;
/// After this many failed lengths in a row, longer segments are not tried.
const MAX_FAILURES: usize = 3;
/// The longest curve, in candidates. It keeps the work proportional to the length of the outline, even if the curves
/// are long. Straight segments may be longer, since they are cheap to check.
const MAX_CURVE: usize = 400;
/// The edges of this many candidates are computed in parallel, before the cheapest ways are extended by them.
const BATCH: usize = 1024;

/// A possible node.
pub(super) struct Candidate {
    /// The index of its sample.
    pub(super) index: usize,
    pub(super) at: Point,
    /// The direction of the outline, of length 1.
    pub(super) direction: Point,
    pub(super) corner: bool,
}

/// A node that was chosen.
pub(super) struct ChosenNode {
    /// The index of its candidate.
    pub(super) candidate: usize,
    /// Whether the segment that arrives there is straight.
    pub(super) after_straight: bool,
}

/// The problem of choosing nodes among candidates along an outline.
pub(super) struct NodeChooser<'a> {
    pub(super) samples: &'a Samples,
    pub(super) candidates: &'a [Candidate],
    /// How many samples are ignored next to a corner at the start and at the end.
    pub(super) gaps: [usize; 2],
    /// The longest segment, in candidates.
    pub(super) max_parts: usize,
    pub(super) tolerance: f64,
}

/// The kind of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SegmentKind {
    Curve,
    Straight,
}

/// The cheapest way from the first candidate to another one that ends with a segment of a given kind.
#[derive(Debug, Clone, Copy)]
struct CheapestWay {
    cost: f64,
    /// The candidate before.
    from: usize,
    /// The kind of the segment that arrives at `from`.
    kind_before: SegmentKind,
}

/// The cheapest ways to a candidate, by the kind of their last segment.
#[derive(Debug, Clone, Copy)]
struct CheapestWays {
    curve: CheapestWay,
    straight: CheapestWay,
}

impl CheapestWays {
    fn ending_with(&self, kind: SegmentKind) -> &CheapestWay {
        match kind {
            SegmentKind::Curve => &self.curve,
            SegmentKind::Straight => &self.straight,
        }
    }

    /// The kind of the last segment of the cheaper one; a curve if they cost the same.
    fn cheaper(&self) -> SegmentKind {
        if self.straight.cost < self.curve.cost { SegmentKind::Straight } else { SegmentKind::Curve }
    }
}

/// The possible segments from one candidate to another.
#[derive(Debug, Clone, Copy)]
struct CandidateEdge {
    to: usize,
    /// The cost of a curve, if one is close enough.
    curve: Option<f64>,
    /// The cost of a straight segment, if one is close enough.
    straight: Option<f64>,
}

impl NodeChooser<'_> {
    /// Chooses nodes. The first candidate is always one, and is left out of the result; the last is always the last.
    pub(super) fn choose(&self) -> Vec<ChosenNode> {
        let ways = self.cheapest_ways();
        let last = self.candidates.len() - 1;
        let mut chosen = Vec::new();
        let (mut at, mut kind) = (last, ways[last].cheaper());
        while at > 0 {
            chosen.push(ChosenNode { candidate: at, after_straight: kind == SegmentKind::Straight });
            let way = ways[at].ending_with(kind);
            (at, kind) = (way.from, way.kind_before);
        }
        chosen.reverse();
        chosen
    }

    /// The cheapest ways to every candidate.
    fn cheapest_ways(&self) -> Vec<CheapestWays> {
        let last = self.candidates.len() - 1;
        let unreached = CheapestWay { cost: f64::INFINITY, from: 0, kind_before: SegmentKind::Curve };
        let mut ways = vec![CheapestWays { curve: unreached, straight: unreached }; self.candidates.len()];
        ways[0].curve.cost = 0.0;
        for first in (0..last).step_by(BATCH) {
            let batch = first..(first + BATCH).min(last);
            // Nearly all of the time is spent here, and candidates do not depend on each other.
            let edges: Vec<Vec<CandidateEdge>> = batch.clone().into_par_iter().map(|from| self.edges(from)).collect();
            for (from, edges) in batch.zip(edges) {
                let kind = ways[from].cheaper();
                let before = (ways[from].ending_with(kind).cost, kind);
                // Two straight segments in a row meet at a corner.
                let before_straight =
                    if self.candidates[from].corner { before } else { (ways[from].curve.cost, SegmentKind::Curve) };
                for CandidateEdge { to, curve, straight } in edges {
                    extend(&mut ways[to].curve, from, before, curve);
                    extend(&mut ways[to].straight, from, before_straight, straight);
                }
            }
        }
        ways
    }

    /// The segments that may begin at a candidate.
    fn edges(&self, from: usize) -> Vec<CandidateEdge> {
        let farthest = (from + self.max_parts).min(self.candidates.len() - 1);
        let (mut edges, mut failures, mut ahead) = (Vec::new(), 0, 1);
        loop {
            let to = (from + ahead).min(farthest);
            let (curve, fits) = if ahead <= MAX_CURVE { self.curve_cost(from, to, ahead == 1) } else { (None, false) };
            let straight = self.straight_cost(from, to);
            let is_straight = straight.is_some();
            if curve.is_some() || is_straight {
                edges.push(CandidateEdge { to, curve, straight });
            }
            failures = if fits || is_straight { 0 } else { failures + 1 };
            if to == farthest || failures >= MAX_FAILURES || (ahead > MAX_CURVE && !is_straight) {
                return edges;
            }
            ahead += 1 + ahead / 10;
        }
    }

    /// The cost of a curve, and whether it is within the tolerance. A curve to the next candidate is always allowed:
    /// finer detail is noise of the matte.
    fn curve_cost(&self, from: usize, to: usize, is_next: bool) -> (Option<f64>, bool) {
        let (start, end) = (&self.candidates[from], &self.candidates[to]);
        let (points, length) = self.points_between(start, end);
        let leaves = CurveEnd { at: start.at, towards: start.direction };
        let arrives = CurveEnd { at: end.at, towards: reverse(end.direction) };
        let fit = fit_curve(points, length, leaves, arrives, self.gaps_between(start, end));
        let excess = if is_next { 2.0 * (fit.max_distance / self.tolerance - 1.0).max(0.0) } else { 0.0 };
        let fits = fit.max_distance <= self.tolerance;
        ((fits || is_next).then(|| 1.0 + self.distance_cost(fit.sum_of_squares) + excess), fits)
    }

    /// The cost of a straight segment, if one is within the tolerance.
    fn straight_cost(&self, from: usize, to: usize) -> Option<f64> {
        let (start, end) = (&self.candidates[from], &self.candidates[to]);
        let (points, length) = self.points_between(start, end);
        let chord = distance(start.at, end.at);
        if chord < STEP || (length < MIN_STRAIGHT && !(start.corner && end.corner)) {
            return None;
        }
        let direction = Point { x: (end.at.x - start.at.x) / chord, y: (end.at.y - start.at.y) / chord };
        let follows =
            |candidate: &Candidate| candidate.corner || dot(candidate.direction, direction) >= MIN_STRAIGHT_COSINE;
        if !follows(start) || !follows(end) {
            return None;
        }
        let gaps = self.gaps_between(start, end);
        let inner = points.get(gaps[0]..points.len().saturating_sub(gaps[1])).unwrap_or_default();
        let stride = (inner.len() / 48).max(1);
        let (mut squares, mut count) = (0.0, 0.0_f64);
        for point in inner.iter().step_by(stride) {
            let (x, y) = (point.x - start.at.x, point.y - start.at.y);
            let (across, along) = (y * direction.x - x * direction.y, x * direction.x + y * direction.y);
            if across.abs() > self.tolerance || along < -self.tolerance || along > chord + self.tolerance {
                return None;
            }
            squares += across * across;
            count += 1.0;
        }
        Some(STRAIGHT_COST + self.distance_cost(squares / count.max(1.0) * length))
    }

    /// The cost of squared distances, summed over the pixels of a segment's length.
    fn distance_cost(&self, sum_of_squares: f64) -> f64 {
        sum_of_squares / (self.tolerance * self.tolerance * PIXELS_PER_CURVE)
    }

    /// The samples from one candidate to another, and their length in pixels.
    fn points_between(&self, start: &Candidate, end: &Candidate) -> (&[Point], f64) {
        let points = &self.samples.points[start.index..=end.index];
        (points, self.samples.step * (points.len() - 1) as f64)
    }

    /// How many samples are ignored at the ends of a segment.
    pub(super) fn gaps_between(&self, start: &Candidate, end: &Candidate) -> [usize; 2] {
        [if start.corner { self.gaps[0] } else { 1 }, if end.corner { self.gaps[1] } else { 1 }]
    }
}

/// Replaces a way by the one over `from` if that is cheaper.
fn extend(way: &mut CheapestWay, from: usize, (cost, kind_before): (f64, SegmentKind), edge: Option<f64>) {
    if let Some(edge) = edge
        && cost + edge < way.cost
    {
        *way = CheapestWay { cost: cost + edge, from, kind_before };
    }
}
