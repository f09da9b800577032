//! The outlines of a matte: the lines on which alpha is one half, to a fraction of a pixel.
//!
//! Marching squares between the centers of the pixels (the plane's version of W. E. Lorensen and H. E. Cline, "Marching
//! Cubes", 1987). Alpha has 8 bits and the level is 127.5, so no pixel is ever exactly on it. Nothing is smoothed here.

use image::GrayImage;

use crate::path::Point;

/// Alpha above this is inside.
const LEVEL: f64 = 127.5;
/// The most points of all outlines together, 16 bytes each. Longer outlines are useless as a path, so they are traced
/// on a matte of half the size.
const MAX_POINTS: usize = 500_000;
/// Points that are closer to each other than this count as one, in pixels.
const SAME: f64 = 1e-6;

/// A closed line. The last point is joined to the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// The points, at most about 1.5 pixels apart except along the frame of the picture.
    pub points: Vec<Point>,
    /// The enclosed area in square pixels: positive for an outer outline, which runs clockwise on the screen, negative for
    /// a hole.
    pub area: f64,
}

impl Outline {
    /// The length in pixels.
    pub fn length(&self) -> f64 {
        let next = self.points.iter().cycle().skip(1);
        self.points.iter().zip(next).map(|(from, to)| (to.x - from.x).hypot(to.y - from.y)).sum()
    }
}

/// All outlines of a matte.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contour {
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// The outlines in the order of their topmost points, so that each outer one precedes its holes.
    pub outlines: Vec<Outline>,
    /// The factor by which the matte was reduced on each axis: 1, unless the outlines had more than half a million points.
    pub coarseness: u32,
}

impl Contour {
    /// The length of all outlines together, in pixels.
    pub fn length(&self) -> f64 {
        self.outlines.iter().map(Outline::length).sum()
    }
}

/// All outlines of a matte at alpha 0.5. Nothing outside of the picture is subject: outlines that touch the frame are closed
/// along it, exactly.
///
/// A pixel's center is at +0.5, and alpha is interpolated linearly between neighboring centers. Where two pixels that touch
/// at a corner are inside and the other two are not, the saddle of the bilinear surface decides whether they connect.
pub fn contour(matte: &GrayImage) -> Contour {
    contour_within(matte, 0.0).unwrap_or_else(|| double_size(contour(&half_size(matte)), matte.dimensions()))
}

/// The outlines whose area is at least `min_area` square pixels; `None` if they have more than [`MAX_POINTS`] points.
pub(super) fn contour_within(matte: &GrayImage, min_area: f64) -> Option<Contour> {
    let (width, height) = matte.dimensions();
    follow_all(matte, min_area).map(|outlines| Contour { width, height, outlines, coarseness: 1 })
}

/// Converts the outlines of a matte of half the size to the full size.
pub(super) fn double_size(half: Contour, (width, height): (u32, u32)) -> Contour {
    let mut outlines = half.outlines;
    for outline in &mut outlines {
        outline.area *= 4.0;
        for point in &mut outline.points {
            // The last column of the half-size matte may represent a single column.
            point.x = (point.x * 2.0).min(f64::from(width));
            point.y = (point.y * 2.0).min(f64::from(height));
        }
    }
    Contour { width, height, outlines, coarseness: half.coarseness * 2 }
}

/// A matte at half its size: the means of 2 x 2 pixels, or of fewer at the last column and row.
pub(super) fn half_size(matte: &GrayImage) -> GrayImage {
    let (width, height) = matte.dimensions();
    let at = |x: u32, y: u32| u32::from(matte.as_raw()[(y.min(height - 1) * width + x.min(width - 1)) as usize]);
    GrayImage::from_fn(width.div_ceil(2), height.div_ceil(2), |x, y| {
        let (x, y) = (x * 2, y * 2);
        let sum = at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1);
        image::Luma([((sum + 2) / 4) as u8])
    })
}

/// A matte with two rings around it: one that repeats the outermost pixels, positioned exactly on the frame, and one of
/// zeros at the same positions. So outlines keep their course up to the frame, and then follow it.
struct PaddedMatte<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
}

/// Rings around a [`PaddedMatte`].
const RINGS: usize = 2;

impl PaddedMatte<'_> {
    fn columns(&self) -> usize {
        self.width + 2 * RINGS
    }

    fn rows(&self) -> usize {
        self.height + 2 * RINGS
    }

    fn value(&self, x: usize, y: usize) -> u8 {
        if x == 0 || y == 0 || x + 1 >= self.columns() || y + 1 >= self.rows() {
            return 0;
        }
        let column = x.saturating_sub(RINGS).min(self.width - 1);
        let row = y.saturating_sub(RINGS).min(self.height - 1);
        self.pixels[row * self.width + column]
    }

    fn inside(&self, x: usize, y: usize) -> bool {
        f64::from(self.value(x, y)) > LEVEL
    }
}

/// The position of a sample on an axis with `pixels` pixels.
fn position(index: usize, pixels: usize) -> f64 {
    (index as f64 - RINGS as f64 + 0.5).clamp(0.0, pixels as f64)
}

/// Steps in the four directions: east, south, west, north.
const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];
const NORTH: usize = 3;

fn step(at: (usize, usize), direction: usize) -> (usize, usize) {
    let (x, y) = STEPS[direction % 4];
    (at.0.wrapping_add_signed(x), at.1.wrapping_add_signed(y))
}

/// All outlines of at least this area; `None` if they have too many points.
fn follow_all(matte: &GrayImage, min_area: f64) -> Option<Vec<Outline>> {
    let (width, height) = (matte.width() as usize, matte.height() as usize);
    if width == 0 || height == 0 {
        return Some(Vec::new());
    }
    let padded = PaddedMatte { pixels: matte.as_raw(), width, height };
    let columns = padded.columns();
    // A bit for each sample that has an outline going north on its left. Every closed outline passes such a sample.
    let mut visited = vec![0_u64; (columns * padded.rows()).div_ceil(64)];
    let mut outlines = Vec::new();
    let mut points = 0;
    for y in 1..padded.rows() - 1 {
        let mut before = false;
        for x in 1..columns {
            let inside = padded.inside(x, y);
            let at = y * columns + x;
            if inside && !before && visited[at / 64] & (1 << (at % 64)) == 0 {
                let outline = follow(&padded, (x, y), &mut visited, MAX_POINTS - points)?;
                if outline.points.len() > 2 && outline.area.abs() >= min_area {
                    points += outline.points.len();
                    outlines.push(outline);
                }
            }
            before = inside;
        }
    }
    Some(outlines)
}

/// Follows the outline that goes north with the sample `start` on its right; `None` if it has more than `max_points` points.
fn follow(matte: &PaddedMatte<'_>, start: (usize, usize), visited: &mut [u64], max_points: usize) -> Option<Outline> {
    let mut points: Vec<Point> = Vec::new();
    let (mut right, mut direction) = (start, NORTH);
    loop {
        if direction == NORTH {
            let at = right.1 * matte.columns() + right.0;
            visited[at / 64] |= 1 << (at % 64);
        }
        let left = step(right, direction + 3);
        let point = crossing(matte, right, left);
        if points.last().is_none_or(|last| !same(*last, point)) {
            if points.len() >= max_points {
                return None;
            }
            points.push(point);
        }
        let (far_right, far_left) = (step(right, direction), step(left, direction));
        let turn_left = match (matte.inside(far_right.0, far_right.1), matte.inside(far_left.0, far_left.1)) {
            (true, true) => true,
            (false, false) => false,
            (true, false) => {
                right = far_right;
                if (right, direction) == (start, NORTH) {
                    break;
                }
                continue;
            }
            (false, true) => connected(matte, [right, far_left], [left, far_right]),
        };
        (right, direction) = if turn_left { (far_left, (direction + 3) % 4) } else { (right, (direction + 1) % 4) };
        if (right, direction) == (start, NORTH) {
            break;
        }
    }
    while points.len() > 1 && same(points[0], points[points.len() - 1]) {
        points.pop();
    }
    let area = area(&points);
    Some(Outline { points, area })
}

/// The point between a sample inside and one outside where alpha is one half.
fn crossing(matte: &PaddedMatte<'_>, inside: (usize, usize), outside: (usize, usize)) -> Point {
    let (high, low) = (matte.value(inside.0, inside.1), matte.value(outside.0, outside.1));
    let share = (f64::from(high) - LEVEL) / (f64::from(high) - f64::from(low));
    let between = |from: f64, to: f64| from + (to - from) * share;
    Point {
        x: between(position(inside.0, matte.width), position(outside.0, matte.width)),
        y: between(position(inside.1, matte.height), position(outside.1, matte.height)),
    }
}

/// Whether the two samples inside connect across a cell whose other two samples are outside: whether the bilinear surface
/// is above the level at its saddle. Source: G. M. Nielson and B. Hamann, "The Asymptotic Decider", 1991.
fn connected(matte: &PaddedMatte<'_>, inside: [(usize, usize); 2], outside: [(usize, usize); 2]) -> bool {
    let value = |at: (usize, usize)| f64::from(matte.value(at.0, at.1));
    let [a, b] = inside.map(value);
    let [c, d] = outside.map(value);
    // The saddle is (ab - cd) / (a + b - c - d), with a positive denominator.
    a * b - c * d > LEVEL * (a + b - c - d)
}

fn same(a: Point, b: Point) -> bool {
    (a.x - b.x).abs() < SAME && (a.y - b.y).abs() < SAME
}

/// The area of a polygon, positive if it runs clockwise on the screen.
fn area(points: &[Point]) -> f64 {
    let Some(origin) = points.first() else { return 0.0 };
    let next = points.iter().cycle().skip(1);
    let cross = |a: &Point, b: &Point| (a.x - origin.x) * (b.y - origin.y) - (b.x - origin.x) * (a.y - origin.y);
    points.iter().zip(next).map(|(a, b)| cross(a, b)).sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matte(width: u32, values: &[u8]) -> GrayImage {
        GrayImage::from_raw(width, values.len() as u32 / width, values.to_vec()).expect("has that many pixels")
    }

    #[test]
    fn opaque_matte_has_the_frame_as_its_outline() {
        for (width, height) in [(1, 1), (3, 2)] {
            let contour = contour(&matte(width, &[255].repeat((width * height) as usize)));
            assert_eq!(contour.outlines.len(), 1);
            assert_eq!(contour.outlines[0].area, f64::from(width * height));
            let on = |value: f64, end: u32| value == 0.0 || value == f64::from(end);
            assert!(contour.outlines[0].points.iter().all(|at| on(at.x, width) || on(at.y, height)));
        }
        assert!(contour(&matte(2, &[0; 6])).outlines.is_empty());
        assert!(contour(&matte(2, &[127; 6])).outlines.is_empty());
    }

    #[test]
    fn locates_the_edge_within_a_pixel_by_its_alpha() {
        // Vertical edges: the outline is where alpha is one half between two centers.
        let contour = contour(&matte(4, &[0, 64, 255, 255, 0, 64, 255, 255]));
        let expected = 1.5 + (127.5 - 64.0) / (255.0 - 64.0);
        let min_x = contour.outlines[0].points.iter().map(|point| point.x).fold(f64::INFINITY, f64::min);
        assert!((min_x - expected).abs() < 1e-9);
    }

    #[test]
    fn hole_runs_the_other_way_and_follows_its_outline() {
        let ring = GrayImage::from_fn(9, 9, |x, y| {
            image::Luma([if (x as i32 - 4).abs().max((y as i32 - 4).abs()) == 2 { 255 } else { 0 }])
        });
        let areas: Vec<f64> = contour(&ring).outlines.iter().map(|outline| outline.area).collect();
        assert_eq!(areas.len(), 2);
        // Squares of 5 and of 3 whose corners are cut by half a pixel.
        assert!((areas[0] - 24.5).abs() < 1e-9 && (areas[1] + 8.5).abs() < 1e-9, "{areas:?}");
    }

    #[test]
    fn saddle_decides_whether_diagonal_pixels_connect() {
        let count =
            |value| contour(&matte(4, &[0, 0, 0, 0, 0, 255, value, 0, 0, value, 255, 0, 0, 0, 0, 0])).outlines.len();
        assert_eq!(count(0), 2);
        assert_eq!(count(100), 1);
    }

    #[test]
    fn half_size_averages_pixels() {
        let half = half_size(&matte(3, &[0, 100, 10, 200, 100, 30]));
        assert_eq!((half.dimensions(), half.as_raw().as_slice()), ((2, 1), [100, 20].as_slice()));
    }
}
