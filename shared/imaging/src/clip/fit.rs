//! From an outline to the nodes of a path: where the nodes are, and the curves between them.
//!
//! Between two corners the nodes are chosen by dynamic programming over all places a few pixels apart: as few
//! as keep within the tolerance, and of those the ones whose curves are nearest to the outline. At each of
//! these places the outline's direction is known beforehand, so that the curves on both sides share it.

use rayon::prelude::*;

use super::bezier::{End, Fitted, distance, fit};
use super::contour::Outline;
use super::corners::corners;
use super::polish::polish;
use super::samples::{Local, Piece, STEP, Samples, pieces};
use crate::path::{Node, Point, Subpath};

/// Places for nodes are so many samples apart.
const EVERY: usize = 4;
/// What a straight side costs, where a curve costs 1.
const STRAIGHT: f64 = 0.7;
/// How many pixels of outline, each as far off as the tolerance, cost as much as a curve.
const PIXELS_A_CURVE: f64 = 60.0;
/// The least length of a straight side one of whose ends is no corner, in pixels.
const STRAIGHT_LEAST: f64 = 12.0;
/// How far a straight side may turn from the direction of the outline where it ends without a corner: the
/// cosine of 5 degrees.
const STRAIGHT_TURN: f64 = 0.9962;
/// How many samples at a corner are not looked at: it is blunt there.
pub(super) const BLUNT: usize = 2;
/// How many lengths in a row may be too long before longer ones are not tried.
const PATIENCE: usize = 3;

/// A node while it is being found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joint {
    pub(super) at: Point,
    /// The direction of the outline where it arrives, of length 1.
    pub(super) arrives: Point,
    /// And where it leaves.
    pub(super) leaves: Point,
    pub(super) smooth: bool,
    /// It must not be moved.
    pub(super) fixed: bool,
}

/// What is between a joint and the next.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) straight: bool,
    /// Along the frame.
    pub(super) frame: bool,
    /// The samples, with both ends.
    pub(super) samples: Vec<Point>,
    pub(super) step: f64,
    /// How many samples next to each end are not looked at.
    pub(super) gaps: [usize; 2],
}

impl Side {
    pub(super) fn length(&self) -> f64 {
        self.step * self.samples.len().saturating_sub(1) as f64
    }

    pub(super) fn fit(&self, from: &Joint, to: &Joint) -> Fitted {
        let start = End { at: from.at, towards: from.leaves };
        let end = End { at: to.at, towards: reverse(to.arrives) };
        fit(&self.samples, self.length(), start, end, self.gaps)
    }
}

/// A closed outline: joint, side, joint, side, and again.
#[derive(Debug, Clone, Default)]
pub(super) struct Ring {
    pub(super) joints: Vec<Joint>,
    pub(super) sides: Vec<Side>,
    /// The directions in which pieces arrive at joints that are appended only after them.
    arrivals: Vec<(usize, Point)>,
}

impl Ring {
    /// The joint behind a side, and in front of a joint's side before it: around the ring.
    pub(super) fn next(&self, index: usize) -> usize {
        (index + 1) % self.joints.len()
    }
}

pub(super) fn reverse(direction: Point) -> Point {
    Point { x: -direction.x, y: -direction.y }
}

/// The nodes of an outline on a picture of that size.
pub(super) fn fit_outline(outline: &Outline, size: (u32, u32), tolerance: f64) -> Subpath {
    let mut ring = Ring::default();
    let pieces = pieces(outline, size.0, size.1);
    for piece in pieces {
        match piece {
            Piece::Frame(from, to) => frame(&mut ring, from, to),
            Piece::Open(samples) => open(&mut ring, &samples, tolerance),
            Piece::Closed(samples) => closed(&mut ring, &samples, tolerance),
        }
    }
    for (index, direction) in std::mem::take(&mut ring.arrivals) {
        let index = index % ring.joints.len();
        ring.joints[index].arrives = direction;
    }
    polish(&mut ring, tolerance);
    Subpath { nodes: nodes(&ring), hole: outline.area < 0.0 }
}

fn frame(ring: &mut Ring, from: Point, to: Point) {
    let length = distance(from, to).max(1e-9);
    let direction = Point { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
    ring.joints.push(Joint { at: from, arrives: direction, leaves: direction, smooth: false, fixed: true });
    let side = Side { straight: true, frame: true, samples: vec![from, to], step: length, gaps: [1, 1] };
    ring.sides.push(side);
    ring.arrivals.push((ring.joints.len(), direction));
}

/// A piece from the frame to the frame.
fn open(ring: &mut Ring, samples: &Samples, tolerance: f64) {
    let last = samples.last();
    let mut ends: Vec<(usize, Point, bool)> = vec![(0, samples.places[0], true)];
    ends.extend(corners(samples, false).into_iter().map(|corner| (corner.index, corner.at, false)));
    ends.push((last, samples.places[last], true));
    for pair in ends.windows(2) {
        let [(from, start, on_frame), (to, end, till_frame)] = *pair else { continue };
        let arc = Samples { places: samples.places[from..=to].to_vec(), step: samples.step };
        // On the frame the outline is not blunt.
        let gaps = [if on_frame { 1 } else { BLUNT }, if till_frame { 1 } else { BLUNT }];
        let first = ring.joints.len();
        between_corners(ring, &arc, start, end, gaps, tolerance, false);
        ring.joints[first].fixed = on_frame;
    }
}

fn closed(ring: &mut Ring, samples: &Samples, tolerance: f64) {
    let corners = corners(samples, true);
    let last = samples.last();
    let Some(first) = corners.first() else { return without_corners(ring, samples, tolerance) };
    for (number, corner) in corners.iter().enumerate() {
        let next = corners.get(number + 1).unwrap_or(first);
        let to = if next.index > corner.index { next.index } else { next.index + last };
        let places = (corner.index..=to).map(|index| samples.around(index % last, 0)).collect();
        let arc = Samples { places, step: samples.step };
        between_corners(ring, &arc, corner.at, next.at, [BLUNT, BLUNT], tolerance, corners.len() == 1);
    }
}

/// A curve is tried over so many candidates at most, so that the work grows with the length of an outline and not with
/// that of its curves too. A straight side, of which little has to be looked at, may be longer.
const LONGEST_CURVE: usize = 400;

/// Where nodes may be: the sample, and place and direction there.
struct Candidate {
    index: usize,
    at: Point,
    arrives: Point,
    leaves: Point,
    corner: bool,
}

fn between_corners(
    ring: &mut Ring,
    arc: &Samples,
    start: Point,
    end: Point,
    gaps: [usize; 2],
    tolerance: f64,
    alone: bool,
) {
    let last = arc.last();
    let parts = (last / EVERY).max(if alone { 2 } else { 1 }).min(last.max(1));
    let (first, behind) = (gaps[0].min(last), last.saturating_sub(gaps[1]));
    let candidates: Vec<Candidate> = (0..=parts)
        .into_par_iter()
        .map(|part| {
            let index = part * last / parts;
            let rough = tolerance / 2.0;
            let corner = part == 0 || part == parts;
            let (index_there, at) = match part {
                0 => (first, Some(start)),
                _ if part == parts => (behind, Some(end)),
                _ => (index, None),
            };
            let bounds = (index_there.saturating_sub(first), behind.saturating_sub(index_there));
            let Local { at: there, direction } = arc.local(index_there, bounds, rough);
            Candidate { index, at: at.unwrap_or(there), arrives: direction, leaves: direction, corner }
        })
        .collect();
    let longest = if alone { parts.div_ceil(2) } else { parts };
    append(ring, arc, &candidates, &choose(arc, &candidates, gaps, longest, tolerance), gaps);
}

fn without_corners(ring: &mut Ring, samples: &Samples, tolerance: f64) {
    let last = samples.last();
    let parts = (last / EVERY).max(3);
    let locals: Vec<Candidate> = (0..=parts)
        .into_par_iter()
        .map(|part| {
            let index = (part % parts) * last / parts;
            let Local { at, direction } = samples.local(index, (last / 4, last / 4), tolerance / 2.0);
            Candidate { index: part * last / parts, at, arrives: direction, leaves: direction, corner: false }
        })
        .collect();
    let longest = parts.div_ceil(2);
    // Anywhere first; then again from a node that was chosen rather than given.
    let chosen = choose(samples, &locals, [1, 1], longest, tolerance);
    let turn = chosen[(chosen.len() - 1) / 2].0;
    let by = locals[turn].index;
    let turned = Samples {
        places: (0..=last).map(|index| samples.around((index + by) % last, 0)).collect(),
        step: samples.step,
    };
    let candidates: Vec<Candidate> = (0..=parts)
        .map(|part| {
            let old = &locals[(part + turn) % parts];
            let index = if part == parts { last } else { (old.index % last + last - by % last) % last };
            Candidate { index, ..*old }
        })
        .collect();
    append(ring, &turned, &candidates, &choose(&turned, &candidates, [1, 1], longest, tolerance), [1, 1]);
}

/// The best way to a candidate: what it costs, from which, and whether the last side is straight.
#[derive(Debug, Clone, Copy)]
struct Way {
    cost: f64,
    from: usize,
    /// Whether the way to `from` ended with a straight side.
    before: bool,
}

/// What may lie between a candidate and another: what each kind of side costs by itself, if it may be one.
#[derive(Debug, Clone, Copy)]
struct Edge {
    to: usize,
    curve: Option<f64>,
    straight: Option<f64>,
}

/// So many candidates' sides are worked out together before ways are made of them.
const AT_ONCE: usize = 1024;

/// Chooses nodes among the candidates, the first and the last in any case: for each, its number and whether
/// the side that arrives there is straight.
fn choose(
    arc: &Samples,
    candidates: &[Candidate],
    gaps: [usize; 2],
    longest: usize,
    tolerance: f64,
) -> Vec<(usize, bool)> {
    let last = candidates.len() - 1;
    let none = Way { cost: f64::INFINITY, from: 0, before: false };
    // For each candidate, the best way that ends with a curve, and the best that ends straight.
    let mut ways = vec![[none; 2]; candidates.len()];
    ways[0][0].cost = 0.0;
    for first in (0..last).step_by(AT_ONCE) {
        let some = first..(first + AT_ONCE).min(last);
        // Nearly all of the time is spent here, and none of these wait for each other.
        let edges: Vec<Vec<Edge>> =
            some.clone().into_par_iter().map(|from| edges(arc, candidates, gaps, from, longest, tolerance)).collect();
        for (from, edges) in some.zip(edges) {
            let [curved, straight] = ways[from].map(|way| way.cost);
            let any = (curved.min(straight), straight < curved);
            // Two straight sides in a row meet at a corner.
            let may_be_straight = if candidates[from].corner { any } else { (curved, false) };
            for Edge { to, curve, straight } in edges {
                for (kind, price, (cost, before)) in [(0, curve, any), (1, straight, may_be_straight)] {
                    if let Some(price) = price
                        && cost + price < ways[to][kind].cost
                    {
                        ways[to][kind] = Way { cost: cost + price, from, before };
                    }
                }
            }
        }
    }
    let mut chosen = Vec::new();
    let (mut at, mut straight) = (last, ways[last][1].cost < ways[last][0].cost);
    while at > 0 {
        chosen.push((at, straight));
        let way = ways[at][usize::from(straight)];
        (at, straight) = (way.from, way.before);
    }
    chosen.reverse();
    chosen
}

/// The sides that may begin at a candidate.
fn edges(
    arc: &Samples,
    candidates: &[Candidate],
    gaps: [usize; 2],
    from: usize,
    longest: usize,
    tolerance: f64,
) -> Vec<Edge> {
    let farthest = (from + longest).min(candidates.len() - 1);
    let price = |squares: f64| squares / (tolerance * tolerance * PIXELS_A_CURVE);
    let (mut edges, mut failures, mut ahead) = (Vec::new(), 0, 1);
    loop {
        let to = (from + ahead).min(farthest);
        let (start, end) = (&candidates[from], &candidates[to]);
        let places = &arc.places[start.index..=end.index];
        let length = arc.step * (places.len() - 1) as f64;
        let gaps = [if start.corner { gaps[0] } else { 1 }, if end.corner { gaps[1] } else { 1 }];
        let (mut curve, mut within) = (None, false);
        if ahead <= LONGEST_CURVE {
            let leaves = End { at: start.at, towards: start.leaves };
            let fitted = fit(places, length, leaves, End { at: end.at, towards: reverse(end.arrives) }, gaps);
            // The next candidate may always be reached: what is finer than that is the matte's noise.
            let too_far = if ahead == 1 { 2.0 * (fitted.worst / tolerance - 1.0).max(0.0) } else { 0.0 };
            within = fitted.worst <= tolerance;
            curve = (within || ahead == 1).then(|| 1.0 + price(fitted.squares) + too_far);
        }
        let straight = straight_side(places, length, start, end, gaps, tolerance);
        let is_straight = straight.is_some();
        if curve.is_some() || is_straight {
            edges.push(Edge { to, curve, straight: straight.map(|squares| STRAIGHT + price(squares)) });
        }
        failures = if within || is_straight { 0 } else { failures + 1 };
        if to == farthest || failures >= PATIENCE || (ahead > LONGEST_CURVE && !is_straight) {
            return edges;
        }
        ahead += 1 + ahead / 10;
    }
}

/// The squared distances of a straight side, if it may be one.
fn straight_side(
    places: &[Point],
    length: f64,
    start: &Candidate,
    end: &Candidate,
    gaps: [usize; 2],
    tolerance: f64,
) -> Option<f64> {
    let chord = distance(start.at, end.at);
    if chord < STEP || (length < STRAIGHT_LEAST && !(start.corner && end.corner)) {
        return None;
    }
    let direction = Point { x: (end.at.x - start.at.x) / chord, y: (end.at.y - start.at.y) / chord };
    let along = |other: Point| other.x * direction.x + other.y * direction.y >= STRAIGHT_TURN;
    if !(start.corner || along(start.leaves)) || !(end.corner || along(end.arrives)) {
        return None;
    }
    let inner = places.get(gaps[0]..places.len().saturating_sub(gaps[1])).unwrap_or_default();
    let stride = (inner.len() / 48).max(1);
    let (mut squares, mut count) = (0.0, 0.0_f64);
    for place in inner.iter().step_by(stride) {
        let (x, y) = (place.x - start.at.x, place.y - start.at.y);
        let (beside, ahead) = (y * direction.x - x * direction.y, x * direction.x + y * direction.y);
        if beside.abs() > tolerance || ahead < -tolerance || ahead > chord + tolerance {
            return None;
        }
        squares += beside * beside;
        count += 1.0;
    }
    Some(squares / count.max(1.0) * length)
}

/// Appends what was chosen, each joint with the side that leaves it. The last joint is the first of what
/// comes next.
fn append(ring: &mut Ring, arc: &Samples, candidates: &[Candidate], chosen: &[(usize, bool)], gaps: [usize; 2]) {
    let mut from = 0;
    for (to, straight) in chosen {
        let (start, end) = (&candidates[from], &candidates[*to]);
        ring.joints.push(Joint {
            at: start.at,
            arrives: start.arrives,
            leaves: start.leaves,
            smooth: !start.corner,
            fixed: false,
        });
        ring.sides.push(Side {
            straight: *straight,
            frame: false,
            samples: arc.places[start.index..=end.index].to_vec(),
            step: arc.step,
            gaps: [if start.corner { gaps[0] } else { 1 }, if end.corner { gaps[1] } else { 1 }],
        });
        from = *to;
    }
    ring.arrivals.push((ring.joints.len(), candidates[from].arrives));
}

/// The ring as nodes with handles.
fn nodes(ring: &Ring) -> Vec<Node> {
    // Where a straight side was given up again, its other end may have two directions: then that is a corner.
    let smooth =
        |joint: &Joint| joint.smooth && joint.arrives.x * joint.leaves.x + joint.arrives.y * joint.leaves.y > 0.999_95;
    let mut nodes: Vec<Node> = ring
        .joints
        .iter()
        .map(|joint| Node { before: joint.at, anchor: joint.at, after: joint.at, smooth: smooth(joint) })
        .collect();
    for (index, side) in ring.sides.iter().enumerate() {
        if !side.straight {
            let next = ring.next(index);
            let [_, after, before, _] = side.fit(&ring.joints[index], &ring.joints[next]).curve;
            nodes[index].after = after;
            nodes[next].before = before;
        }
    }
    nodes
}
