//! Renders a path whose shapes are combined, as a file brings it.
//!
//! The file is untrusted. The number of sides is bounded for the whole path, and so is the area that shapes may cover
//! together, as each is rendered on its own.

use std::ops::Range;

use image::GrayImage;
use rayon::prelude::*;

use super::coverage::CoverageBuffer;
use super::flatten::{append_sides, curves, side_count};
use crate::combined_path::{CombinedPath, Operation, Shape};
use crate::path::Point;

/// Rows that are rendered together. Each thread needs two buffers of this many rows.
const BAND: usize = 32;
/// The most sides of all shapes together, except that each curve has at least one. If more would be needed, each curve gets
/// its share.
const MAX_SIDES: f64 = 1_000_000.0;
/// How many times the picture's area the shapes may cover together.
const MAX_COVERED: u64 = 64;

/// The shapes of a path cover the picture too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooComplex;

/// Renders the area of a path on a picture of this width and height in pixels: the share of each pixel that is covered,
/// rounded to 8 bits. Everything outside of the picture is cut off, however far away it is.
///
/// Within a shape, coverage is exact unless outlines cross in a pixel. Where edges of two shapes share a pixel, each is
/// taken to cover its share of the other.
///
/// # Errors
/// [`TooComplex`].
pub(crate) fn combine(path: &CombinedPath, (width, height): (u32, u32)) -> Result<GrayImage, TooComplex> {
    let mut picture = GrayImage::new(width, height);
    let (width, height) = (width as usize, height as usize);
    if width == 0 || height == 0 {
        return Ok(picture);
    }
    let shapes = flattened(&path.shapes, (width, height));
    let covered: u64 = shapes.iter().map(FlatShape::area).sum();
    if covered > MAX_COVERED * width as u64 * height as u64 {
        return Err(TooComplex);
    }
    let rows: &mut [u8] = &mut picture;
    rows.par_chunks_mut(width * BAND).enumerate().for_each(|(band, rows)| {
        let top = band * BAND;
        let frame = Band { width, rows: top..top + rows.len() / width };
        if !path.starts_filled && !shapes.iter().any(|shape| shape.touches(&frame)) {
            return;
        }
        let mut area = vec![if path.starts_filled { 1.0 } else { 0.0 }; rows.len()];
        for shape in &shapes {
            shape.apply(&frame, &mut area);
        }
        for (alpha, covered) in rows.iter_mut().zip(area) {
            *alpha = (covered * 255.0).round() as u8;
        }
    });
    Ok(picture)
}

/// Some rows of the picture.
struct Band {
    width: usize,
    rows: Range<usize>,
}

/// A shape as straight sides.
struct FlatShape {
    operation: Operation,
    sides: Vec<[Point; 2]>,
    /// The rows and columns of the picture that its outlines may touch.
    rows: Range<usize>,
    columns: Range<usize>,
}

/// All shapes as straight sides, for a picture of this width and height.
fn flattened(shapes: &[Shape], (width, height): (usize, usize)) -> Vec<FlatShape> {
    let of_shape =
        |shape: &Shape| -> Vec<[Point; 4]> { shape.outlines.iter().flat_map(|nodes| curves(nodes)).collect() };
    let wanted: f64 = shapes.iter().flat_map(of_shape).map(|curve| f64::from(side_count(&curve))).sum();
    let share = (MAX_SIDES / wanted.max(1.0)).min(1.0);
    let flat = shapes.iter().map(|shape| {
        let mut sides = Vec::new();
        for curve in of_shape(shape) {
            append_sides(&curve, (f64::from(side_count(&curve)) * share).ceil() as u32, &mut sides);
        }
        let rows = touched(sides.iter().flatten().map(|point| point.y), height);
        let columns = touched(sides.iter().flatten().map(|point| point.x), width);
        FlatShape { operation: shape.operation, sides, rows, columns }
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
    /// How many pixels it is rendered on.
    fn area(&self) -> u64 {
        self.rows.len() as u64 * self.columns.len() as u64
    }

    fn touches(&self, band: &Band) -> bool {
        !self.columns.is_empty() && self.rows.start < band.rows.end && self.rows.end > band.rows.start
    }

    /// Combines the shape with the area so far, in the rows of a band.
    fn apply(&self, band: &Band, area: &mut [f32]) {
        let Self { operation, columns, .. } = self;
        if !self.touches(band) {
            // Outside of the shape, only an intersection changes something.
            if *operation == Operation::Intersect {
                area.fill(0.0);
            }
            return;
        }
        let buffer = self.coverage(band);
        for (row, area) in area.chunks_exact_mut(band.width).enumerate() {
            if *operation == Operation::Intersect {
                area[..columns.start].fill(0.0);
                area[columns.end..].fill(0.0);
            }
            for (area, winding) in area[columns.clone()].iter_mut().zip(buffer.row(row)) {
                *area = operation.of(*area, even_odd(winding) as f32);
            }
        }
    }

    /// The mean winding numbers of its columns in a band.
    fn coverage(&self, band: &Band) -> CoverageBuffer {
        let mut buffer = CoverageBuffer::new(self.columns.len(), band.rows.len());
        let (left, top, bottom) = (self.columns.start as f64, band.rows.start as f64, band.rows.end as f64);
        let moved = |point: &Point| Point { x: point.x - left, y: point.y - top };
        let in_band = |[from, to]: &&[Point; 2]| from.y.max(to.y) > top && from.y.min(to.y) < bottom;
        for [from, to] in self.sides.iter().filter(in_band) {
            buffer.add(moved(from), moved(to));
        }
        buffer
    }
}

impl Operation {
    /// The combined share of a pixel of which `area` and `shape` each cover a share.
    fn of(self, area: f32, shape: f32) -> f32 {
        match self {
            Self::Exclude => area + shape - 2.0 * area * shape,
            Self::Union => area + shape - area * shape,
            Self::Subtract => area * (1.0 - shape),
            Self::Intersect => area * shape,
        }
    }
}

/// The share of a pixel within an odd number of outlines, by its mean winding number.
fn even_odd(winding: f64) -> f64 {
    let rest = winding.abs() % 2.0;
    if rest > 1.0 { 2.0 - rest } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Node;

    fn outline(corners: &[(f64, f64)]) -> Vec<Node> {
        let node = |(x, y): &(f64, f64)| {
            let at = Point { x: *x, y: *y };
            Node { before: at, anchor: at, after: at, smooth: false }
        };
        corners.iter().map(node).collect()
    }

    fn rectangle(left: f64, top: f64, right: f64, bottom: f64) -> Vec<Node> {
        outline(&[(left, top), (right, top), (right, bottom), (left, bottom)])
    }

    /// A picture as text: `#` is inside, `.` is outside, and anything else is a fault.
    fn drawn(path: &CombinedPath, size: (u32, u32)) -> Vec<String> {
        let picture = combine(path, size).expect("is simple");
        let letter = |alpha: &u8| match alpha {
            255 => '#',
            0 => '.',
            _ => '?',
        };
        picture.chunks_exact(size.0 as usize).map(|row| row.iter().map(letter).collect()).collect()
    }

    /// The left and the upper right part of a picture of 6 x 4, combined in one way.
    fn two(first: Operation, second: Operation, starts_filled: bool) -> Vec<String> {
        let mut path = CombinedPath { starts_filled, ..CombinedPath::default() };
        path.begin_shape(first, rectangle(0.0, 0.0, 4.0, 4.0));
        path.begin_shape(second, rectangle(2.0, 0.0, 6.0, 2.0));
        drawn(&path, (6, 4))
    }

    #[test]
    fn shapes_are_combined_in_their_order() {
        use Operation::{Exclude, Intersect, Subtract, Union};
        let cases: [(Operation, Operation, bool, [&str; 4]); 10] = [
            (Exclude, Exclude, false, ["##..##", "##..##", "####..", "####.."]),
            (Exclude, Union, false, ["######", "######", "####..", "####.."]),
            (Exclude, Subtract, false, ["##....", "##....", "####..", "####.."]),
            (Exclude, Intersect, false, ["..##..", "..##..", "......", "......"]),
            (Union, Exclude, false, ["##..##", "##..##", "####..", "####.."]),
            (Subtract, Union, false, ["..####", "..####", "......", "......"]),
            (Subtract, Union, true, ["..####", "..####", "....##", "....##"]),
            (Subtract, Subtract, true, ["......", "......", "....##", "....##"]),
            (Exclude, Exclude, true, ["..##..", "..##..", "....##", "....##"]),
            (Intersect, Union, true, ["######", "######", "####..", "####.."]),
        ];
        for (first, second, starts_filled, expected) in cases {
            assert_eq!(two(first, second, starts_filled), expected, "{first:?} {second:?} {starts_filled}");
        }
    }

    #[test]
    fn without_shapes_the_start_decides() {
        for (starts_filled, row) in [(true, "###"), (false, "...")] {
            assert_eq!(drawn(&CombinedPath { starts_filled, shapes: Vec::new() }, (3, 2)), [row; 2]);
        }
    }

    #[test]
    fn outlines_of_a_shape_exclude_each_other_whatever_their_direction() {
        let inner = rectangle(1.0, 1.0, 4.0, 4.0);
        let reversed: Vec<Node> = inner.iter().copied().rev().collect();
        for inner in [inner, reversed] {
            let mut path = CombinedPath::default();
            path.begin_shape(Operation::Union, rectangle(0.0, 0.0, 5.0, 5.0));
            path.continue_shape(inner);
            assert_eq!(drawn(&path, (5, 5)), ["#####", "#...#", "#...#", "#...#", "#####"]);
        }
        // A star whose middle is enclosed twice.
        let mut path = CombinedPath::default();
        path.continue_shape(outline(&[
            (0.0, 0.0),
            (6.0, 0.0),
            (6.0, 6.0),
            (2.0, 6.0),
            (2.0, 2.0),
            (4.0, 2.0),
            (4.0, 4.0),
            (0.0, 4.0),
        ]));
        assert_eq!(drawn(&path, (6, 6)), ["######", "######", "##..##", "##..##", "..####", "..####"]);
    }

    #[test]
    fn a_common_edge_within_a_pixel_leaves_no_seam() {
        let mut path = CombinedPath::default();
        path.begin_shape(Operation::Exclude, rectangle(0.0, 0.0, 1.5, 1.0));
        path.begin_shape(Operation::Exclude, rectangle(1.5, 0.0, 3.0, 1.0));
        assert_eq!(drawn(&path, (3, 1)), ["###"]);
        let mut half = CombinedPath::default();
        half.begin_shape(Operation::Union, rectangle(0.0, 0.0, 1.5, 1.0));
        assert_eq!(combine(&half, (3, 1)).expect("is simple").as_raw(), &[255, 128, 0]);
    }

    #[test]
    fn what_is_far_outside_is_cut_off() {
        let mut path = CombinedPath::default();
        path.begin_shape(Operation::Exclude, rectangle(-1e6, -1e6, 2.0, 1e6));
        assert_eq!(drawn(&path, (4, 70)), ["##.."; 70], "over several bands");
        path.begin_shape(Operation::Intersect, rectangle(1.0, 69.0, 1e9, 1e9));
        let rows = drawn(&path, (4, 70));
        assert_eq!((rows[..69].iter().all(|row| row == "...."), rows[69].as_str()), (true, ".#.."));
        let mut outside = CombinedPath { starts_filled: true, ..CombinedPath::default() };
        outside.begin_shape(Operation::Intersect, rectangle(-9.0, 0.0, -1.0, 70.0));
        assert_eq!(drawn(&outside, (4, 70)), ["...."; 70]);
    }

    #[test]
    fn a_curve_is_followed() {
        // A circle of four curves.
        let (center, radius) = (50.0, 40.0);
        let handle = radius * 0.552_284_75;
        let node = |x: f64, y: f64| {
            let at = |turn: f64| Point {
                x: center + x * radius - turn * y * handle,
                y: center + y * radius + turn * x * handle,
            };
            Node { before: at(-1.0), anchor: at(0.0), after: at(1.0), smooth: true }
        };
        let mut path = CombinedPath::default();
        path.begin_shape(Operation::Union, vec![node(1.0, 0.0), node(0.0, 1.0), node(-1.0, 0.0), node(0.0, -1.0)]);
        let picture = combine(&path, (100, 100)).expect("is simple");
        let area: f64 = picture.iter().map(|alpha| f64::from(*alpha) / 255.0).sum();
        assert!((area - std::f64::consts::PI * radius * radius).abs() < 3.0, "{area}");
    }

    #[test]
    fn many_large_shapes_are_refused_and_many_small_ones_are_not() {
        let shapes = |count: usize, size: f64| {
            let mut path = CombinedPath::default();
            for _ in 0..count {
                path.begin_shape(Operation::Union, rectangle(0.0, 0.0, size, size));
            }
            combine(&path, (50, 50)).is_ok()
        };
        assert!(shapes(64, 50.0) && !shapes(65, 50.0) && shapes(10_000, 4.0));
    }

    #[test]
    fn a_path_of_endless_curves_gets_fewer_sides_for_each() {
        let far = 1e7;
        let node = |x: f64| {
            let at = |x, y| Point { x, y };
            Node { before: at(x, -far), anchor: at(x, 2.0), after: at(x, far), smooth: true }
        };
        let shape =
            Shape { operation: Operation::Union, outlines: vec![(0..2_000).map(|x| node(f64::from(x))).collect()] };
        let sides: usize = flattened(&[shape], (40, 40)).iter().map(|shape| shape.sides.len()).sum();
        assert!((900_000..=1_002_000).contains(&sides), "{sides}");
    }
}
