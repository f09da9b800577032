//! How far a path is from the outline that it was made for.

use super::contour::Contour;
use super::raster::sides;
use crate::path::{ClippingPath, Point};

/// How far apart the places are that are measured, in pixels.
const SPACING: f64 = 0.5;
/// Side of the squares that the picture is searched by, in pixels.
const CELL: f64 = 8.0;

/// How far two lines are from each other, in pixels. Both are measured from either one to the other, at
/// places half a pixel apart, and the larger of the two figures is taken: what the path leaves out counts as
/// well as what it adds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Deviation {
    /// 95 of 100 places are not farther than this.
    pub p95: f64,
    /// No place is farther than this.
    pub max: f64,
}

/// How far a path is from the outlines of a matte. Both are infinite if one of them has no outline and the
/// other has, and 0 if neither has.
pub fn deviation(contour: &Contour, path: &ClippingPath) -> Deviation {
    let path_sides = sides(path);
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
    let there = one_way(&contour_sides, &Index::new(&path_sides, contour.width, contour.height));
    let back = one_way(&path_sides, &Index::new(&contour_sides, contour.width, contour.height));
    Deviation { p95: there.p95.max(back.p95), max: there.max.max(back.max) }
}

fn one_way(from: &[[Point; 2]], to: &Index) -> Deviation {
    let mut distances: Vec<f32> = places(from).map(|place| to.nearest(place) as f32).collect();
    if distances.is_empty() {
        return Deviation::default();
    }
    let at = ((distances.len() - 1) as f64 * 0.95).round() as usize;
    let (_, p95, above) = distances.select_nth_unstable_by(at, f32::total_cmp);
    let p95 = *p95;
    let max = above.iter().copied().fold(p95, f32::max);
    Deviation { p95: f64::from(p95), max: f64::from(max) }
}

/// Places at even distances along the sides.
fn places(sides: &[[Point; 2]]) -> impl Iterator<Item = Point> {
    let mut left = 0.0;
    sides.iter().flat_map(move |[from, to]| {
        let long = (to.x - from.x).hypot(to.y - from.y);
        let first = left;
        let count = if long > first { ((long - first) / SPACING) as u32 + 1 } else { 0 };
        left = first + f64::from(count) * SPACING - long;
        (0..count).map(move |index| {
            let share = (first + f64::from(index) * SPACING) / long;
            Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
        })
    })
}

/// Sides by the square of the picture that they are in.
struct Index<'a> {
    sides: &'a [[Point; 2]],
    columns: usize,
    rows: usize,
    /// For each square, where its numbers start; one more at the end.
    starts: Vec<u32>,
    numbers: Vec<u32>,
}

impl<'a> Index<'a> {
    fn new(sides: &'a [[Point; 2]], width: u32, height: u32) -> Self {
        let cells = |length: u32| (f64::from(length) / CELL) as usize + 1;
        let mut index =
            Self { sides, columns: cells(width), rows: cells(height), starts: Vec::new(), numbers: Vec::new() };
        let mut counts = vec![0_u32; index.columns * index.rows + 1];
        for side in sides {
            index.touched(side, |cell| counts[cell + 1] += 1);
        }
        for cell in 1..counts.len() {
            counts[cell] += counts[cell - 1];
        }
        let mut next = counts.clone();
        let mut numbers = vec![0_u32; counts[counts.len() - 1] as usize];
        for (number, side) in sides.iter().enumerate() {
            index.touched(side, |cell| {
                numbers[next[cell] as usize] = number as u32;
                next[cell] += 1;
            });
        }
        index.starts = counts;
        index.numbers = numbers;
        index
    }

    fn cell(&self, at: Point) -> (usize, usize) {
        let cell = |value: f64, count: usize| ((value / CELL).max(0.0) as usize).min(count - 1);
        (cell(at.x, self.columns), cell(at.y, self.rows))
    }

    /// The squares along a side. A long one is walked in steps of half a square.
    fn touched(&self, [from, to]: &[Point; 2], mut with: impl FnMut(usize)) {
        let steps = ((to.x - from.x).hypot(to.y - from.y) / (CELL / 2.0)).ceil().clamp(1.0, 1e5) as u32;
        let mut last = usize::MAX;
        for step in 0..=steps {
            let share = f64::from(step) / f64::from(steps);
            let (column, row) =
                self.cell(Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
            let cell = row * self.columns + column;
            if cell != last {
                with(cell);
                last = cell;
            }
        }
    }

    /// How far the nearest side is. Squares are looked at in rings around the place, until those that follow
    /// are farther away than what was found; a square that a side only grazes may be missed, so one ring more
    /// is looked at.
    fn nearest(&self, place: Point) -> f64 {
        let (column, row) = self.cell(place);
        let mut least = f64::INFINITY;
        for ring in 0..self.columns.max(self.rows) {
            if least < (ring as f64 - 2.0) * CELL {
                break;
            }
            let (left, right) = (column.saturating_sub(ring), (column + ring).min(self.columns - 1));
            let (top, bottom) = (row.saturating_sub(ring), (row + ring).min(self.rows - 1));
            for y in top..=bottom {
                let whole = y.abs_diff(row) == ring;
                for x in left..=right {
                    if whole || x.abs_diff(column) == ring {
                        least = self.in_cell(y * self.columns + x, place, least);
                    }
                }
            }
        }
        least
    }

    fn in_cell(&self, cell: usize, place: Point, mut least: f64) -> f64 {
        for number in &self.numbers[self.starts[cell] as usize..self.starts[cell + 1] as usize] {
            least = least.min(from_side(&self.sides[*number as usize], place));
        }
        least
    }
}

fn from_side([from, to]: &[Point; 2], place: Point) -> f64 {
    let (x, y) = (to.x - from.x, to.y - from.y);
    let square = x * x + y * y;
    let share =
        if square > 0.0 { (((place.x - from.x) * x + (place.y - from.y) * y) / square).clamp(0.0, 1.0) } else { 0.0 };
    (from.x + x * share - place.x).hypot(from.y + y * share - place.y)
}
