//! A shape of a path as straight sides, and the work that it takes to render it.

use std::ops::Range;

use super::coverage::CoverageBuffer;
use super::flatten::{append_sides, curves, side_count};
use super::nesting::Nesting;
use crate::combined_path::{Operation, Shape};
use crate::path::{Node, Point};

/// Rows that are rendered together. Each thread needs two buffers of this many rows.
pub(super) const BAND: usize = 32;
/// The most sides of all shapes together, except that each curve has at least one. If more would be needed, each curve gets
/// its share.
const MAX_SIDES: f64 = 1_000_000.0;

/// Some rows of the picture.
pub(super) struct Band {
    pub(super) width: usize,
    pub(super) rows: Range<usize>,
}

/// A shape as straight sides.
pub(super) struct FlatShape {
    pub(super) operation: Operation,
    /// The sides of each outline.
    pub(super) outlines: Vec<Vec<[Point; 2]>>,
    nesting: Nesting,
    /// The rows and columns of the picture that its outlines may touch.
    rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// All shapes as straight sides, for a picture of this width and height.
pub(super) fn flattened(shapes: &[Shape], (width, height): (usize, usize)) -> Vec<FlatShape> {
    let all_curves = shapes.iter().flat_map(|shape| &shape.outlines).flat_map(|nodes| curves(nodes));
    let wanted: f64 = all_curves.map(|curve| f64::from(side_count(&curve))).sum();
    let share = (MAX_SIDES / wanted.max(1.0)).min(1.0);
    let flat = shapes.iter().map(|shape| {
        let of_outline = |nodes: &[Node]| {
            let mut sides = Vec::new();
            for curve in curves(nodes) {
                append_sides(&curve, (f64::from(side_count(&curve)) * share).ceil() as u32, &mut sides);
            }
            sides
        };
        let outlines: Vec<Vec<[Point; 2]>> = shape.outlines.iter().map(|nodes| of_outline(nodes)).collect();
        let points = || outlines.iter().flatten().flatten();
        let rows = touched(points().map(|point| point.y), height);
        let columns = touched(points().map(|point| point.x), width);
        let nesting = Nesting::of(&outlines);
        FlatShape { operation: shape.operation, outlines, nesting, rows, columns }
    });
    flat.collect()
}

/// The pixels of an axis that lie between the first and the last of these positions.
fn touched(positions: impl Iterator<Item = f64>, pixels: usize) -> Range<usize> {
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let (first, last) = positions.fold(none, |(first, last), at| (first.min(at), last.max(at)));
    // The casts saturate.
    let (start, end) = (first.floor() as usize, (last.ceil() as usize).min(pixels));
    start.min(end)..end
}

impl FlatShape {
    /// How many pixels are read or written to render it: those of its bands, the whole picture for an intersection, and
    /// those that each side crosses. Each band also looks at each side, and so does [`Self::orient`].
    pub(super) fn work(&self, size: (usize, usize)) -> u64 {
        let whole = if self.operation == Operation::Intersect { size.0 as u64 * size.1 as u64 } else { 0 };
        if self.is_empty() {
            return whole;
        }
        let bands = (self.rows.end.div_ceil(BAND) - self.rows.start / BAND) as u64;
        let buffers = bands * BAND as u64 * (self.columns.len() as u64 + 2);
        let sides: u64 = self.outlines.iter().flatten().map(|side| bands + crossed(side, size)).sum();
        whole + buffers + sides + self.nesting.work(&self.outlines)
    }

    /// Gives its outlines the directions by which [`Self::coverage`] is that of the even-odd rule.
    pub(super) fn orient(&mut self) {
        if !self.is_empty() {
            self.nesting.orient(&mut self.outlines);
        }
    }

    /// Whether it lies outside of the picture, or has no area.
    fn is_empty(&self) -> bool {
        self.rows.is_empty() || self.columns.is_empty()
    }

    pub(super) fn touches(&self, band: &Band) -> bool {
        !self.is_empty() && self.rows.start < band.rows.end && self.rows.end > band.rows.start
    }

    /// The mean winding numbers of its columns in a band.
    pub(super) fn coverage(&self, band: &Band) -> CoverageBuffer {
        let mut buffer = CoverageBuffer::new(self.columns.len(), band.rows.len());
        let (left, top, bottom) = (self.columns.start as f64, band.rows.start as f64, band.rows.end as f64);
        let moved = |point: &Point| Point { x: point.x - left, y: point.y - top };
        let in_band = |[from, to]: &&[Point; 2]| from.y.max(to.y) > top && from.y.min(to.y) < bottom;
        for [from, to] in self.outlines.iter().flatten().filter(in_band) {
            buffer.add(moved(from), moved(to));
        }
        buffer
    }
}

/// The most pixels of a picture that a side may cross: one for each new row and each new column.
fn crossed([from, to]: &[Point; 2], (width, height): (usize, usize)) -> u64 {
    let rows = touched([from.y, to.y].into_iter(), height).len() as u64;
    let columns = touched([from.x, to.x].into_iter(), width).len() as u64;
    if rows == 0 { 0 } else { rows + columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_endless_curves_gets_fewer_sides_for_each() {
        let far = 1e7;
        let node = |x: f64| {
            let at = |x, y| Point { x, y };
            Node { before: at(x, -far), anchor: at(x, 2.0), after: at(x, far), smooth: true }
        };
        let shape =
            Shape { operation: Operation::Union, outlines: vec![(0..2_000).map(|x| node(f64::from(x))).collect()] };
        let flat = flattened(&[shape], (40, 40));
        let sides: usize = flat.iter().flat_map(|shape| &shape.outlines).map(Vec::len).sum();
        assert!((900_000..=1_002_000).contains(&sides), "{sides}");
    }

    #[test]
    fn a_side_crosses_pixels_within_the_picture_only() {
        let side = |from: (f64, f64), to: (f64, f64)| {
            crossed(&[Point { x: from.0, y: from.1 }, Point { x: to.0, y: to.1 }], (40, 30))
        };
        assert_eq!(side((0.5, 0.5), (9.5, 4.5)), 5 + 10);
        assert_eq!(side((-1e9, -1e9), (1e9, 1e9)), 30 + 40);
        assert_eq!(side((5.0, -9.0), (5.0, -1.0)), 0);
        assert_eq!(side((-9.0, 0.0), (-1.0, 30.0)), 30);
        assert_eq!(side((0.0, 3.0), (40.0, 3.0)), 0, "it is horizontal");
    }
}
