//! From an outline to the nodes of a path: cuts the outline at the frame and at corners, chooses nodes in between, and
//! polishes them.

use rayon::prelude::*;

use super::bezier::distance;
use super::choose::{Candidate, ChosenNode, NodeChooser};
use super::contour::Outline;
use super::corners::corners;
use super::polish::polish;
use super::ring::{Joint, Ring, Segment};
use super::samples::{OutlineSection, Samples, Tangent, sections};
use crate::path::{Point, Subpath};

/// Candidates for nodes are this many samples apart.
const CANDIDATE_SPACING: usize = 4;
/// How many samples are ignored at a corner, where the matte is blunt.
const BLUNT: usize = 2;

/// The nodes of an outline of a picture of this size.
pub(super) fn fit_outline(outline: &Outline, size: (u32, u32), tolerance: f64) -> Subpath {
    let mut builder = RingBuilder { ring: Ring::default(), arrivals: Vec::new(), tolerance };
    for section in sections(outline, size.0, size.1) {
        match section {
            OutlineSection::Frame(from, to) => builder.add_frame(from, to),
            OutlineSection::Open(samples) => builder.add_open(&samples),
            OutlineSection::Closed(samples) => builder.add_closed(&samples),
        }
    }
    let mut ring = builder.finish();
    polish(&mut ring, tolerance);
    Subpath { nodes: ring.nodes(), hole: outline.area < 0.0 }
}

/// A part of an outline between two corners or ends.
struct Arc {
    samples: Samples,
    start: Point,
    end: Point,
    /// How many samples are ignored at each end.
    gaps: [usize; 2],
    /// Whether both ends are the same corner, so that at least two segments are needed.
    closed: bool,
}

/// Appends section after section to a ring.
struct RingBuilder {
    ring: Ring,
    /// The directions in which sections arrive at their last joints, which the next section adds.
    arrivals: Vec<(usize, Point)>,
    tolerance: f64,
}

impl RingBuilder {
    fn finish(mut self) -> Ring {
        for (index, direction) in self.arrivals {
            let index = index % self.ring.joints.len();
            self.ring.joints[index].arrives = direction;
        }
        self.ring
    }

    fn add_frame(&mut self, from: Point, to: Point) {
        let length = distance(from, to).max(1e-9);
        let direction = Point { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
        self.ring.joints.push(Joint { at: from, arrives: direction, leaves: direction, smooth: false, fixed: true });
        let samples = vec![from, to];
        self.ring.segments.push(Segment { straight: true, on_frame: true, samples, step: length, gaps: [1, 1] });
        self.arrivals.push((self.ring.joints.len(), direction));
    }

    /// Adds a section from frame to frame.
    fn add_open(&mut self, samples: &Samples) {
        let last = samples.last();
        let mut ends: Vec<(usize, Point, bool)> = vec![(0, samples.points[0], true)];
        ends.extend(corners(samples, false).into_iter().map(|corner| (corner.index, corner.at, false)));
        ends.push((last, samples.points[last], true));
        for pair in ends.windows(2) {
            let [(from, start, from_frame), (to, end, to_frame)] = *pair else { continue };
            // The matte is not blunt on the frame.
            let gap = |on_frame: bool| if on_frame { 1 } else { BLUNT };
            let samples = Samples { points: samples.points[from..=to].to_vec(), step: samples.step };
            let arc = Arc { samples, start, end, gaps: [gap(from_frame), gap(to_frame)], closed: false };
            let first = self.ring.joints.len();
            self.add_arc(&arc);
            self.ring.joints[first].fixed = from_frame;
        }
    }

    /// Adds an outline that does not touch the frame.
    fn add_closed(&mut self, samples: &Samples) {
        let corners = corners(samples, true);
        let last = samples.last();
        let Some(first) = corners.first() else { return self.add_without_corners(samples) };
        for (number, corner) in corners.iter().enumerate() {
            let next = corners.get(number + 1).unwrap_or(first);
            let to = if next.index > corner.index { next.index } else { next.index + last };
            let points = (corner.index..=to).map(|index| samples.around(index % last, 0)).collect();
            self.add_arc(&Arc {
                samples: Samples { points, step: samples.step },
                start: corner.at,
                end: next.at,
                gaps: [BLUNT, BLUNT],
                closed: corners.len() == 1,
            });
        }
    }

    fn add_arc(&mut self, arc: &Arc) {
        let last = arc.samples.last();
        let parts = (last / CANDIDATE_SPACING).max(if arc.closed { 2 } else { 1 }).min(last.max(1));
        let candidates: Vec<Candidate> =
            (0..=parts).into_par_iter().map(|part| self.candidate(arc, part, parts)).collect();
        let max_parts = if arc.closed { parts.div_ceil(2) } else { parts };
        let tolerance = self.tolerance;
        let chooser =
            NodeChooser { samples: &arc.samples, candidates: &candidates, gaps: arc.gaps, max_parts, tolerance };
        self.append_chosen(&chooser, &chooser.choose());
    }

    /// The candidate at the start of part number `part` of an arc.
    fn candidate(&self, arc: &Arc, part: usize, parts: usize) -> Candidate {
        let last = arc.samples.last();
        let (first_seen, last_seen) = (arc.gaps[0].min(last), last.saturating_sub(arc.gaps[1]));
        let index = part * last / parts;
        let (seen_from, end) = match part {
            0 => (first_seen, Some(arc.start)),
            _ if part == parts => (last_seen, Some(arc.end)),
            _ => (index, None),
        };
        let bounds = (seen_from.saturating_sub(first_seen), last_seen.saturating_sub(seen_from));
        let Tangent { at, direction } = arc.samples.tangent(seen_from, bounds, self.tolerance / 2.0);
        Candidate { index, at: end.unwrap_or(at), direction, corner: part == 0 || part == parts }
    }

    fn add_without_corners(&mut self, samples: &Samples) {
        let last = samples.last();
        let tolerance = self.tolerance;
        let parts = (last / CANDIDATE_SPACING).max(3);
        let candidates: Vec<Candidate> = (0..=parts)
            .into_par_iter()
            .map(|part| {
                let index = (part % parts) * last / parts;
                let Tangent { at, direction } = samples.tangent(index, (last / 4, last / 4), tolerance / 2.0);
                Candidate { index: part * last / parts, at, direction, corner: false }
            })
            .collect();
        let max_parts = parts.div_ceil(2);
        let gaps = [1, 1];
        // The first pass has to start at an arbitrary candidate. The second starts at a node that the first one chose.
        let chosen = NodeChooser { samples, candidates: &candidates, gaps, max_parts, tolerance }.choose();
        let turn = chosen[(chosen.len() - 1) / 2].candidate;
        let by = candidates[turn].index;
        let samples = Samples {
            points: (0..=last).map(|index| samples.around((index + by) % last, 0)).collect(),
            step: samples.step,
        };
        let candidates: Vec<Candidate> = (0..=parts)
            .map(|part| {
                let old = &candidates[(part + turn) % parts];
                let index = if part == parts { last } else { (old.index % last + last - by % last) % last };
                Candidate { index, ..*old }
            })
            .collect();
        let chooser = NodeChooser { samples: &samples, candidates: &candidates, gaps, max_parts, tolerance };
        self.append_chosen(&chooser, &chooser.choose());
    }

    /// Appends the chosen nodes, each with the segment that leaves it. The last node is the first of the next section.
    fn append_chosen(&mut self, chooser: &NodeChooser<'_>, chosen: &[ChosenNode]) {
        let mut from = 0;
        for node in chosen {
            let (start, end) = (&chooser.candidates[from], &chooser.candidates[node.candidate]);
            self.ring.joints.push(Joint {
                at: start.at,
                arrives: start.direction,
                leaves: start.direction,
                smooth: !start.corner,
                fixed: false,
            });
            self.ring.segments.push(Segment {
                straight: node.after_straight,
                on_frame: false,
                samples: chooser.samples.points[start.index..=end.index].to_vec(),
                step: chooser.samples.step,
                gaps: chooser.gaps_between(start, end),
            });
            from = node.candidate;
        }
        self.arrivals.push((self.ring.joints.len(), chooser.candidates[from].direction));
    }
}
