//! Renders a path whose shapes are combined, as a file brings it.
//!
//! The file is untrusted. The number of sides is bounded for the whole path, and so is the work of rendering all shapes,
//! as each is rendered on its own.

use image::GrayImage;
use rayon::prelude::*;

use super::flat_shape::{BAND, Band, FlatShape, flattened};
use crate::combined_path::{CombinedPath, Operation};

/// How many times the picture's pixels all shapes together may read or write.
const MAX_WORK_PER_PIXEL: u64 = 64;
/// As many pixels are allowed on any picture, so that a small one may have a detailed path.
const MIN_WORK_LIMIT: u64 = 400_000;

/// The shapes of a path cover the picture too often, or their sides cross it too often.
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
    let mut shapes = flattened(&path.shapes, (width, height));
    let work: u64 = shapes.iter().map(|shape| shape.work((width, height))).sum();
    if work > (MAX_WORK_PER_PIXEL * width as u64 * height as u64).max(MIN_WORK_LIMIT) {
        return Err(TooComplex);
    }
    shapes.iter_mut().for_each(FlatShape::orient);
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

impl FlatShape {
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
    let winding = winding.abs();
    // A remainder takes long, and most pixels need none.
    let rest = if winding < 2.0 { winding } else { winding % 2.0 };
    if rest > 1.0 { 2.0 - rest } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{Node, Point};

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
    fn outlines_that_share_a_pixel_of_the_edge_exclude_each_other_there_too() {
        let drawn = |outlines: [Vec<Node>; 2]| {
            let mut path = CombinedPath::default();
            for outline in outlines {
                path.begin_shape(Operation::Exclude, outline);
            }
            combine(&path, (6, 2)).expect("is simple").into_raw()
        };
        let outer = rectangle(1.5, 0.5, 4.5, 2.0);
        assert_eq!(drawn([outer.clone(), outer.clone()]), [0; 12]);
        assert_eq!(drawn([outer.iter().copied().rev().collect(), outer]), [0; 12]);
        // A rim that is a quarter of a pixel wide.
        let rim = drawn([rectangle(1.25, 0.0, 4.75, 2.0), rectangle(1.5, 0.0, 4.5, 2.0)]);
        assert_eq!(rim, [0_u8, 64, 0, 0, 64, 0].repeat(2));
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

    /// Whether a picture of 400 x 400 pixels can be rendered with this many copies of an outline.
    fn is_simple(operation: Operation, count: usize, outline: &[Node]) -> bool {
        let mut path = CombinedPath { starts_filled: true, ..CombinedPath::default() };
        for _ in 0..count {
            path.begin_shape(operation, outline.to_vec());
        }
        combine(&path, (400, 400)).is_ok()
    }

    #[test]
    fn many_large_shapes_are_refused_and_many_small_ones_are_not() {
        let (large, small) = (rectangle(0.0, 0.0, 400.0, 400.0), rectangle(0.0, 0.0, 4.0, 4.0));
        assert!(is_simple(Operation::Union, 60, &large) && !is_simple(Operation::Union, 65, &large));
        assert!(is_simple(Operation::Union, 10_000, &small));
    }

    #[test]
    fn an_intersection_counts_as_the_whole_picture_wherever_it_is() {
        let outside = rectangle(-9.0, 0.0, -1.0, 400.0);
        assert!(is_simple(Operation::Intersect, 60, &outside) && !is_simple(Operation::Intersect, 65, &outside));
        assert!(is_simple(Operation::Union, 10_000, &outside));
    }

    #[test]
    fn sides_that_cross_the_picture_too_often_are_refused() {
        let zigzag = |count: u32, far: (f64, f64)| {
            let corner = |index: u32| {
                let at = f64::from(index) / f64::from(count);
                if index.is_multiple_of(2) { (at, at) } else { (far.0 + at, far.1 + at) }
            };
            outline(&(0..count).map(corner).collect::<Vec<_>>())
        };
        for far in [(0.0, 399.0), (399.0, 0.0)] {
            let is_simple = |count| is_simple(Operation::Exclude, 1, &zigzag(count, far));
            assert!(is_simple(10_000) && !is_simple(30_000), "{far:?}");
        }
    }
}
