//! Estimates from a subject's outline where it touches the ground.
//!
//! Only the lowest pixel of the subject in each column matters. A column touches the ground if it ends near the lower convex
//! hull of all columns, or if it is a foot: lower than everything around it. Feet in the background are higher in the
//! picture, so both kinds may be a little above the lowest one. The ground between them is covered: that is the footprint.

use image::{GrayImage, Luma};

/// How high above the lowest pixel the subject may touch the ground, as a share of the shorter side of its bounding box.
const MAX_HEIGHT: f64 = 0.2;
/// How close to the hull a column has to end, as a share of the subject's height.
const HULL_DISTANCE: f64 = 0.012;
/// The smallest half width of a foot, as a share of the subject's width.
const FOOT: f64 = 0.03;
/// How much lower than the surroundings within three half widths a foot is, as a share of the subject's height.
const RISE: f64 = 0.05;
/// How much lower than a foot its surroundings may be, as a share of the subject's height.
const ROUGHNESS: f64 = 0.006;

/// A pixel of the canvas: column and row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GroundPoint {
    x: f64,
    y: f64,
}

/// Where a subject touches the ground.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GroundContact {
    /// The points that touch the ground, from left to right, at most one in each column. Never empty.
    touching: Vec<GroundPoint>,
    /// The lines behind and in front of them, from left to right.
    back: Vec<GroundPoint>,
    front: Vec<GroundPoint>,
}

/// Half of a convex hull.
#[derive(Debug, Clone, Copy)]
enum HullSide {
    /// The part above the points.
    Upper,
    /// The part below the points.
    Lower,
}

/// The lowest pixel of the subject in each column, and the subject's bounding box.
struct Bottoms {
    /// The row, for each column that shows the subject.
    rows: Vec<Option<usize>>,
    lowest: usize,
    /// Width and height of the bounding box.
    size: (f64, f64),
}

impl Bottoms {
    /// `None` without a subject.
    fn new(alpha: &GrayImage) -> Option<Self> {
        let width = alpha.width() as usize;
        let mut rows: Vec<Option<usize>> = vec![None; width];
        let mut highest = None;
        for (y, row) in alpha.as_raw().chunks_exact(width).enumerate().rev() {
            let mut any = false;
            for (bottom, alpha) in rows.iter_mut().zip(row) {
                if *alpha >= 128 {
                    any = true;
                    bottom.get_or_insert(y);
                }
            }
            if any {
                highest = Some(y);
            }
        }
        let (highest, lowest) = (highest?, rows.iter().flatten().max().copied()?);
        let (left, right) = (rows.iter().position(Option::is_some)?, rows.iter().rposition(Option::is_some)?);
        let size = ((right + 1 - left) as f64, (lowest + 1 - highest) as f64);
        Some(Self { rows, lowest, size })
    }

    /// Whether the surroundings of a point are higher: close by at least slightly, farther away considerably.
    fn is_foot(&self, point: GroundPoint) -> bool {
        let (width, height) = self.size;
        let half = (FOOT * width).max(2.0) as usize;
        let at = point.x as usize;
        // Columns without the subject count as higher.
        let is_not_lower = |x: usize| self.rows[x].is_none_or(|y| point.y - y as f64 >= -ROUGHNESS * height);
        let is_higher = |x: usize| self.rows[x].is_none_or(|y| point.y - y as f64 > RISE * height);
        let end = self.rows.len();
        let mut close = at.saturating_sub(half)..(at + half + 1).min(end);
        if !close.all(is_not_lower) {
            return false;
        }
        // Beyond the canvas the subject may continue.
        (at.saturating_sub(3 * half)..at).any(is_higher) && (at + 1..(at + 3 * half + 1).min(end)).any(is_higher)
    }
}

impl GroundContact {
    /// Where the subject touches the ground. `None` without a subject, and for one that is cut off by the lower edge of the
    /// canvas: that touches the ground outside of the picture.
    pub(super) fn new(alpha: &GrayImage) -> Option<Self> {
        let bottoms = Bottoms::new(alpha)?;
        if bottoms.lowest + 1 == alpha.height() as usize {
            return None;
        }
        let (width, height) = bottoms.size;
        let highest = bottoms.lowest as f64 - MAX_HEIGHT * width.min(height);
        let points =
            bottoms.rows.iter().enumerate().filter_map(|(x, y)| y.map(|y| GroundPoint { x: x as f64, y: y as f64 }));
        let low: Vec<GroundPoint> = points.filter(|point| point.y >= highest).collect();
        let line = hull(&low, HullSide::Lower);
        let touches = |point: &&GroundPoint| {
            row_at(&line, point.x) - point.y <= HULL_DISTANCE * height || bottoms.is_foot(**point)
        };
        let touching: Vec<GroundPoint> = low.iter().filter(touches).copied().collect();
        let (back, front) = (hull(&touching, HullSide::Upper), hull(&touching, HullSide::Lower));
        (!touching.is_empty()).then_some(Self { touching, back, front })
    }

    /// The first and the last column that touch the ground.
    fn columns(&self) -> (f64, f64) {
        (self.touching[0].x, self.touching[self.touching.len() - 1].x)
    }

    /// The width of the footprint, in pixels.
    pub(super) fn width(&self) -> f64 {
        let (first, last) = self.columns();
        last - first + 1.0
    }

    /// The highest and the lowest row that touch the ground.
    pub(super) fn rows(&self) -> (f64, f64) {
        let rows = self.touching.iter().map(|point| point.y);
        rows.fold((f64::INFINITY, 0.0), |(highest, lowest), y| (y.min(highest), y.max(lowest)))
    }

    /// The ground that the subject covers, extended by `extra_depth` pixels behind and in front, on a picture of this size
    /// whose top is row `first` of the canvas.
    pub(super) fn footprint(&self, size: (u32, u32), first: u32, extra_depth: f64) -> GrayImage {
        let mut footprint = GrayImage::new(size.0, size.1);
        let (from, to) = self.columns();
        for x in from as u32..=to as u32 {
            let (back, front) = (row_at(&self.back, f64::from(x)), row_at(&self.front, f64::from(x)));
            fill_column(&mut footprint, x, first, (back - extra_depth, front + 1.0 + extra_depth));
        }
        footprint
    }

    /// The points that touch the ground, extended by some pixels above and below, on a picture of this size whose top is row
    /// `first` of the canvas.
    pub(super) fn touching_area(&self, size: (u32, u32), first: u32, (above, below): (f64, f64)) -> GrayImage {
        let mut area = GrayImage::new(size.0, size.1);
        for point in &self.touching {
            fill_column(&mut area, point.x as u32, first, (point.y - above, point.y + 1.0 + below));
        }
        area
    }
}

/// Covers a column between two rows of the canvas, with partial pixels at both ends.
fn fill_column(picture: &mut GrayImage, x: u32, first: u32, (from, to): (f64, f64)) {
    let (from, to) = (from - f64::from(first), to - f64::from(first));
    for y in from.max(0.0) as u32..(to.ceil().max(0.0) as u32).min(picture.height()) {
        let covered = (to.min(f64::from(y) + 1.0) - from.max(f64::from(y))).clamp(0.0, 1.0);
        picture.put_pixel(x, y, Luma([(255.0 * covered).round() as u8]));
    }
}

/// Half of the convex hull of points in the order of their columns.
fn hull(points: &[GroundPoint], side: HullSide) -> Vec<GroundPoint> {
    let sign = match side {
        HullSide::Upper => -1.0,
        HullSide::Lower => 1.0,
    };
    let mut hull: Vec<GroundPoint> = Vec::new();
    for point in points {
        while let [.., a, b] = hull[..] {
            if sign * ((b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x)) < 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(*point);
    }
    hull
}

/// The row of a line at a column. The line has at least one point.
fn row_at(line: &[GroundPoint], x: f64) -> f64 {
    let next = line.partition_point(|point| point.x <= x).clamp(1, line.len().max(2) - 1);
    match line.get(next) {
        None => line[0].y,
        Some(b) => {
            let a = line[next - 1];
            a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seat with four legs, seen slightly from above: the two hind legs end higher.
    fn chair() -> GrayImage {
        GrayImage::from_fn(200, 200, |x, y| {
            let leg = |from: u32, to: u32| (from..from + 6).contains(&x) && (80..to).contains(&y);
            let seat = (40..160).contains(&x) && (20..90).contains(&y);
            Luma([if seat || leg(40, 180) || leg(60, 165) || leg(135, 164) || leg(154, 178) { 255 } else { 0 }])
        })
    }

    #[test]
    fn chair_touches_the_ground_with_its_four_legs() {
        let contact = GroundContact::new(&chair()).expect("touches the ground");
        let legs = [40..46, 60..66, 135..141, 154..160];
        for leg in &legs {
            assert!(contact.touching.iter().any(|point| leg.contains(&(point.x as u32))), "{leg:?}");
        }
        assert!(contact.touching.iter().all(|point| legs.iter().any(|leg| leg.contains(&(point.x as u32)))));
        let print = contact.footprint((200, 200), 0, 0.0);
        assert_eq!(print.get_pixel(100, 172).0[0], 255);
        assert_eq!((print.get_pixel(100, 150).0[0], print.get_pixel(30, 178).0[0]), (0, 0));
    }

    #[test]
    fn bottle_touches_the_ground_with_its_base_only() {
        let alpha = GrayImage::from_fn(100, 200, |x, y| {
            let half = if y < 60 { 10 } else { 30 };
            Luma([if (10..180).contains(&y) && x.abs_diff(50) <= half { 255 } else { 0 }])
        });
        let contact = GroundContact::new(&alpha).expect("touches the ground");
        assert_eq!((contact.width(), contact.rows()), (61.0, (179.0, 179.0)));
    }

    #[test]
    fn subject_cut_off_below_has_no_ground_contact() {
        assert_eq!(GroundContact::new(&GrayImage::from_pixel(9, 9, Luma([255]))), None);
        assert_eq!(GroundContact::new(&GrayImage::new(9, 9)), None);
        let point = GrayImage::from_fn(9, 9, |x, y| Luma([if (x, y) == (4, 3) { 255 } else { 0 }]));
        assert_eq!(
            GroundContact::new(&point).map(|contact| contact.touching),
            Some(vec![GroundPoint { x: 4.0, y: 3.0 }])
        );
    }
}
