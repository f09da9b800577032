//! An outline while it is being fitted: joints, and the segments between them.

use super::bezier::{CurveEnd, CurveFit, fit_curve};
use crate::path::{Node, Point};

/// A node while it is being placed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joint {
    pub(super) at: Point,
    /// The direction in which the outline arrives, of length 1.
    pub(super) arrives: Point,
    /// The direction in which it leaves, of length 1.
    pub(super) leaves: Point,
    pub(super) smooth: bool,
    /// Whether it must not be moved.
    pub(super) fixed: bool,
}

/// The part of an outline between two joints.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) straight: bool,
    /// Whether it runs along the frame of the picture.
    pub(super) on_frame: bool,
    /// The samples, including both ends.
    pub(super) samples: Vec<Point>,
    /// The distance of two samples along the outline, in pixels.
    pub(super) step: f64,
    /// How many samples are ignored at each end.
    pub(super) gaps: [usize; 2],
}

impl Segment {
    fn length(&self) -> f64 {
        self.step * self.samples.len().saturating_sub(1) as f64
    }

    pub(super) fn fit(&self, from: &Joint, to: &Joint) -> CurveFit {
        let start = CurveEnd { at: from.at, towards: from.leaves };
        let end = CurveEnd { at: to.at, towards: reverse(to.arrives) };
        fit_curve(&self.samples, self.length(), start, end, self.gaps)
    }
}

/// A closed outline. Segment `n` leads from joint `n` to the next one.
#[derive(Debug, Clone, Default)]
pub(super) struct Ring {
    pub(super) joints: Vec<Joint>,
    pub(super) segments: Vec<Segment>,
}

impl Ring {
    /// The index of the next joint, around the ring.
    pub(super) fn next(&self, index: usize) -> usize {
        (index + 1) % self.joints.len()
    }

    /// The index of the previous joint, around the ring.
    pub(super) fn previous(&self, index: usize) -> usize {
        (index + self.joints.len() - 1) % self.joints.len()
    }

    /// The curve fitted to a segment.
    pub(super) fn fit(&self, segment: usize) -> CurveFit {
        self.segments[segment].fit(&self.joints[segment], &self.joints[self.next(segment)])
    }

    /// The joints as nodes with handles.
    pub(super) fn nodes(&self) -> Vec<Node> {
        // Where a straight segment became a curve again, its other end may have two directions and is then a corner.
        let smooth = |joint: &Joint| joint.smooth && dot(joint.arrives, joint.leaves) > 0.999_95;
        let mut nodes: Vec<Node> = self
            .joints
            .iter()
            .map(|joint| Node { before: joint.at, anchor: joint.at, after: joint.at, smooth: smooth(joint) })
            .collect();
        for (index, segment) in self.segments.iter().enumerate() {
            if !segment.straight {
                let [_, after, before, _] = self.fit(index).curve;
                nodes[index].after = after;
                nodes[self.next(index)].before = before;
            }
        }
        nodes
    }
}

pub(super) fn reverse(direction: Point) -> Point {
    Point { x: -direction.x, y: -direction.y }
}

/// The cosine of the angle between two directions of length 1.
pub(super) fn dot(a: Point, b: Point) -> f64 {
    a.x * b.x + a.y * b.y
}
