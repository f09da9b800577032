//! Curves as straight sides.

use super::bezier::on_curve;
use crate::path::{ClippingPath, Node, Point};

/// The largest distance between a side and its curve, in pixels.
const FLATNESS: f64 = 0.0025;
/// The most sides of one curve. A curve that needs more is larger than any picture.
const MAX_SIDES: f64 = 4096.0;

/// All curves of a path as straight sides.
pub(super) fn flattened(path: &ClippingPath) -> Vec<[Point; 2]> {
    let mut sides = Vec::new();
    for curve in path.subpaths.iter().flat_map(|subpath| curves(&subpath.nodes)) {
        append_sides(&curve, side_count(&curve), &mut sides);
    }
    sides
}

/// The curves of a closed outline. One with a coordinate that is not finite is left out.
pub(super) fn curves(nodes: &[Node]) -> impl Iterator<Item = [Point; 4]> {
    let pairs = nodes.iter().zip(nodes.iter().cycle().skip(1));
    let curves = pairs.map(|(from, to)| [from.anchor, from.after, to.before, to.anchor]);
    curves.filter(|curve| curve.iter().all(|point| point.x.is_finite() && point.y.is_finite()))
}

/// How many sides keep close to a curve: Wang's bound for a cubic. At least 1.
pub(super) fn side_count(curve: &[Point; 4]) -> u32 {
    if curve[1] == curve[0] && curve[2] == curve[3] {
        return 1;
    }
    let second = |a: Point, b: Point, c: Point| (a.x - 2.0 * b.x + c.x).hypot(a.y - 2.0 * b.y + c.y);
    let bend = second(curve[0], curve[1], curve[2]).max(second(curve[1], curve[2], curve[3]));
    (0.75 * bend / FLATNESS).sqrt().ceil().clamp(1.0, MAX_SIDES) as u32
}

/// Appends this many sides along a curve.
pub(super) fn append_sides(curve: &[Point; 4], count: u32, sides: &mut Vec<[Point; 2]>) {
    let mut last = curve[0];
    for index in 1..=count {
        let next = if index == count { curve[3] } else { on_curve(curve, f64::from(index) / f64::from(count)) };
        sides.push([last, next]);
        last = next;
    }
}
