//! The distance between a path and the outline that it was fitted to.

use super::contour::Contour;
use super::flatten::flattened;
use crate::path::{ClippingPath, Point};

/// The distance of the points that are measured, in pixels.
const SPACING: f64 = 0.5;
/// The side of a square of the index, in pixels.
const CELL: f64 = 8.0;

/// The distance between two sets of lines, in pixels. It is measured in both directions, at points half a pixel apart, and
/// the larger figure is taken, so that both what the path omits and what it adds count.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Deviation {
    /// The 95th percentile.
    pub p95: f64,
    /// The maximum.
    pub max: f64,
}

/// The distance between a path and the outlines of a matte. It is infinite if only one of them has outlines, and 0 if
/// neither has.
pub fn deviation(contour: &Contour, path: &ClippingPath) -> Deviation {
    let path_sides = flattened(path);
    let contour_sides: Vec<[Point; 2]> = contour
        .outlines
        .iter()
        .flat_map(|outline| outline.points.iter().zip(outline.points.iter().cycle().skip(1)))
        .map(|(from, to)| [*from, *to])
        .collect();
    match (contour_sides.is_empty(), path_sides.is_empty()) {
        (true, true) => return Deviation::default(),
        (false, false) => {}
        _ => return Deviation { p95: f64::INFINITY, max: f64::INFINITY },
    }
    let there = one_way(&contour_sides, &SideIndex::new(&path_sides, contour.width, contour.height));
    let back = one_way(&path_sides, &SideIndex::new(&contour_sides, contour.width, contour.height));
    Deviation { p95: there.p95.max(back.p95), max: there.max.max(back.max) }
}

fn one_way(from: &[[Point; 2]], to: &SideIndex) -> Deviation {
    let mut distances: Vec<f32> = points_along(from).map(|point| to.distance(point) as f32).collect();
    if distances.is_empty() {
        return Deviation::default();
    }
    let at = ((distances.len() - 1) as f64 * 0.95).round() as usize;
    let (_, p95, above) = distances.select_nth_unstable_by(at, f32::total_cmp);
    let p95 = *p95;
    let max = above.iter().copied().fold(p95, f32::max);
    Deviation { p95: f64::from(p95), max: f64::from(max) }
}

/// Evenly spaced points along the sides.
fn points_along(sides: &[[Point; 2]]) -> impl Iterator<Item = Point> {
    // Where the next point is, from the start of the next side.
    let mut offset = 0.0;
    sides.iter().flat_map(move |[from, to]| {
        let length = (to.x - from.x).hypot(to.y - from.y);
        let first = offset;
        let count = if length > first { ((length - first) / SPACING) as u32 + 1 } else { 0 };
        offset = first + f64::from(count) * SPACING - length;
        (0..count).map(move |index| {
            let share = (first + f64::from(index) * SPACING) / length;
            Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
        })
    })
}

/// Line segments by the squares of the picture that they run through.
struct SideIndex<'a> {
    sides: &'a [[Point; 2]],
    columns: usize,
    rows: usize,
    /// For each square, where its entries start in `entries`; one more at the end.
    starts: Vec<u32>,
    /// Indices of sides, square by square.
    entries: Vec<u32>,
}

impl<'a> SideIndex<'a> {
    fn new(sides: &'a [[Point; 2]], width: u32, height: u32) -> Self {
        let cells = |length: u32| (f64::from(length) / CELL) as usize + 1;
        let mut index =
            Self { sides, columns: cells(width), rows: cells(height), starts: Vec::new(), entries: Vec::new() };
        let mut counts = vec![0_u32; index.columns * index.rows + 1];
        for side in sides {
            index.for_each_cell(side, |cell| counts[cell + 1] += 1);
        }
        for cell in 1..counts.len() {
            counts[cell] += counts[cell - 1];
        }
        let mut next = counts.clone();
        let mut entries = vec![0_u32; counts[counts.len() - 1] as usize];
        for (number, side) in sides.iter().enumerate() {
            index.for_each_cell(side, |cell| {
                entries[next[cell] as usize] = number as u32;
                next[cell] += 1;
            });
        }
        index.starts = counts;
        index.entries = entries;
        index
    }

    fn cell(&self, at: Point) -> (usize, usize) {
        let cell = |value: f64, count: usize| ((value / CELL).max(0.0) as usize).min(count - 1);
        (cell(at.x, self.columns), cell(at.y, self.rows))
    }

    /// Calls `with` for the squares along a side, which is walked in steps of half a square.
    fn for_each_cell(&self, [from, to]: &[Point; 2], mut with: impl FnMut(usize)) {
        let steps = ((to.x - from.x).hypot(to.y - from.y) / (CELL / 2.0)).ceil().clamp(1.0, 1e5) as u32;
        let mut last = None;
        for step in 0..=steps {
            let share = f64::from(step) / f64::from(steps);
            let (column, row) =
                self.cell(Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
            let cell = row * self.columns + column;
            if last != Some(cell) {
                with(cell);
                last = Some(cell);
            }
        }
    }

    /// The distance to the closest side. Squares are searched in rings around the point, until the next ring is farther
    /// away than the closest side so far. A square that a side only grazes may not list it, so one more ring is searched.
    fn distance(&self, point: Point) -> f64 {
        let (column, row) = self.cell(point);
        let mut min = f64::INFINITY;
        for ring in 0..self.columns.max(self.rows) {
            if min < (ring as f64 - 2.0) * CELL {
                break;
            }
            let (left, right) = (column.saturating_sub(ring), (column + ring).min(self.columns - 1));
            let (top, bottom) = (row.saturating_sub(ring), (row + ring).min(self.rows - 1));
            for y in top..=bottom {
                let whole_row = y.abs_diff(row) == ring;
                for x in left..=right {
                    if whole_row || x.abs_diff(column) == ring {
                        min = self.distance_in_cell(y * self.columns + x, point, min);
                    }
                }
            }
        }
        min
    }

    /// The smaller of `min` and the distance to the closest side in a square.
    fn distance_in_cell(&self, cell: usize, point: Point, mut min: f64) -> f64 {
        for number in &self.entries[self.starts[cell] as usize..self.starts[cell + 1] as usize] {
            min = min.min(side_distance(&self.sides[*number as usize], point));
        }
        min
    }
}

fn side_distance([from, to]: &[Point; 2], point: Point) -> f64 {
    let (x, y) = (to.x - from.x, to.y - from.y);
    let square = x * x + y * y;
    let share =
        if square > 0.0 { (((point.x - from.x) * x + (point.y - from.y) * y) / square).clamp(0.0, 1.0) } else { 0.0 };
    (from.x + x * share - point.x).hypot(from.y + y * share - point.y)
}
