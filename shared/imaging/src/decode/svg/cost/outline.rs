//! The work of filling an outline, apart from its paint.
//!
//! `tiny-skia` cuts outlines into edges and sweeps them from top to bottom. Each quarter of a row visits each edge that
//! crosses it, and restores the order of the edges from left to right. Edges far to the side of the surface count too.

use resvg::tiny_skia::{Path, PathSegment, Point, Rect};

use super::surface::Surface;

/// Rows that each row of pixels is swept in.
const SWEEPS_PER_ROW: f64 = 4.0;
/// Work per edge and sweep.
const SWEEP_WORK: f64 = 20.0;
/// Work per edge for clipping and sorting it.
const EDGE_WORK: f64 = 150.0;
/// Work per edge and edge near it, since their order may change.
const NEIGHBOR_WORK: f64 = 6.0;
/// Bytes per edge: the edge itself, the growth of their list, and the space to sort it.
pub(super) const EDGE_BYTES: f64 = 230.0;
/// With fewer edges, neighbors are not worth counting.
const MIN_EDGES: f64 = 500.0;
/// Rows of pixels per band in which neighbors are counted.
const BAND_ROWS: f64 = 16.0;
/// Columns per band.
const COLUMNS: usize = 64;

/// The counts of an outline.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    /// Edges within the surface's rows.
    pub(super) edges: f64,
    /// Edges, each as often as it is swept.
    pub(super) sweeps: f64,
    /// Pairs of edges that may cross.
    pub(super) neighbors: f64,
    /// Runs of pixels of equal coverage.
    pub(super) runs: f64,
    /// Pixels within the outline, at most.
    pub(super) pixels: f64,
}

/// A straight piece of an outline within the surface's rows, from top to bottom, with `x` within its columns.
#[derive(Debug, Clone, Copy)]
struct Leg {
    top: (f64, f64),
    bottom: (f64, f64),
    edges: f64,
}

impl Outline {
    /// Counts an outline that is placed on a surface.
    pub(super) fn count(path: &Path, surface: &Surface) -> Self {
        let mut outline = Self::default();
        let area = surface.area;
        for_each_leg(path, &mut |from, to, edges| {
            if let Some(leg) = Leg::new(from, to, area) {
                let (rows, columns) = (leg.bottom.1 - leg.top.1, (leg.bottom.0 - leg.top.0).abs());
                outline.edges += edges * leg.edges;
                outline.sweeps += leg.edges * (rows + 1.0) * SWEEPS_PER_ROW;
                outline.runs += rows + columns + 2.0;
            }
        });
        outline.pixels = contour_pixels(path, surface).min(surface.shown(path.bounds()));
        outline.runs = outline.runs.min(outline.pixels);
        let (in_row, _) = surface.tiles();
        outline.sweeps *= in_row;
        outline
    }

    /// Counts the pairs of edges that may cross. Their number may grow with the square of the edges.
    pub(super) fn count_neighbors(&mut self, path: &Path, surface: &Surface) {
        if self.edges < MIN_EDGES {
            return;
        }
        let mut bands = Bands::new(surface.area);
        for_each_leg(path, &mut |from, to, _| bands.add(from, to));
        bands.accumulate();
        for_each_leg(path, &mut |from, to, _| self.neighbors += bands.neighbors(from, to));
    }

    /// The work of sweeping the edges, while none cross.
    pub(super) fn work(&self) -> f64 {
        EDGE_WORK * self.edges + SWEEP_WORK * self.sweeps
    }

    /// The work of keeping crossing edges in order.
    pub(super) fn neighbor_work(&self) -> f64 {
        NEIGHBOR_WORK * self.neighbors
    }

    /// The bytes held while sweeping.
    pub(super) fn bytes(&self) -> f64 {
        EDGE_BYTES * self.edges
    }
}

impl Leg {
    /// Clips a piece to an area; `None` if it lies above or below, or is level.
    fn new(from: Point, to: Point, area: Rect) -> Option<Self> {
        let [mut top, mut bottom] = [from, to].map(|point| (f64::from(point.x), f64::from(point.y)));
        if top.1 > bottom.1 {
            (top, bottom) = (bottom, top);
        }
        let (first, last) = (f64::from(area.top()), f64::from(area.bottom()));
        let is_level = bottom.1 - top.1 < 1.0 / 1024.0;
        if is_level || bottom.1 <= first || top.1 >= last {
            return None;
        }
        let slope = (bottom.0 - top.0) / (bottom.1 - top.1);
        let at = |row: f64| (top.0 + slope * (row - top.1), row);
        let (top, bottom) =
            (if top.1 < first { at(first) } else { top }, if bottom.1 > last { at(last) } else { bottom });
        let (left, right) = (f64::from(area.left()), f64::from(area.right()));
        // A piece that leaves the area at a side goes on along that side as another edge.
        let leaves = |side: f64| f64::from(u8::from((top.0 < side) != (bottom.0 < side)));
        let within = |(x, y): (f64, f64)| (x.clamp(left, right), y);
        Some(Self { top: within(top), bottom: within(bottom), edges: 1.0 + leaves(left) + leaves(right) })
    }
}

/// Edges by bands of rows: how many begin, from the left, at or before each column, and how many end before it.
struct Bands {
    area: Rect,
    counts: Vec<[(u32, u32); COLUMNS]>,
}

impl Bands {
    fn new(area: Rect) -> Self {
        let count = (f64::from(area.height()) / BAND_ROWS).ceil().max(1.0) as usize;
        Self { area, counts: vec![[(0, 0); COLUMNS]; count] }
    }

    fn add(&mut self, from: Point, to: Point) {
        let Some(leg) = Leg::new(from, to, self.area) else { return };
        for band in self.bands(leg) {
            let (first, last) = self.columns(leg, band);
            self.counts[band][first].0 += 1;
            self.counts[band][last].1 += 1;
        }
    }

    /// The bands that a piece is in.
    fn bands(&self, leg: Leg) -> std::ops::RangeInclusive<usize> {
        let top = f64::from(self.area.top());
        let band = |row: f64| (((row - top) / BAND_ROWS).max(0.0) as usize).min(self.counts.len() - 1);
        band(leg.top.1)..=band(leg.bottom.1)
    }

    /// The first and the last column of a piece in a band.
    fn columns(&self, leg: Leg, band: usize) -> (usize, usize) {
        let left = f64::from(self.area.left());
        let per_column = (f64::from(self.area.width()) / COLUMNS as f64).max(f64::MIN_POSITIVE);
        let slope = (leg.bottom.0 - leg.top.0) / (leg.bottom.1 - leg.top.1);
        let column = |row: f64| {
            let x = leg.top.0 + slope * (row.clamp(leg.top.1, leg.bottom.1) - leg.top.1);
            (((x - left) / per_column).max(0.0) as usize).min(COLUMNS - 1)
        };
        let start = f64::from(self.area.top()) + band as f64 * BAND_ROWS;
        let (one, other) = (column(start), column(start + BAND_ROWS));
        (one.min(other), one.max(other))
    }

    /// Turns counts per column into sums.
    fn accumulate(&mut self) {
        for band in &mut self.counts {
            let (mut begun, mut ended) = (0, 0);
            for (begin, end) in band {
                begun += *begin;
                *begin = begun;
                let ends_here = *end;
                *end = ended;
                ended += ends_here;
            }
        }
    }

    /// The edges whose columns overlap a piece's, summed over its bands.
    fn neighbors(&self, from: Point, to: Point) -> f64 {
        let Some(leg) = Leg::new(from, to, self.area) else { return 0.0 };
        let overlapping = |band: usize| {
            let (first, last) = self.columns(leg, band);
            f64::from(self.counts[band][last].0 - self.counts[band][first].1)
        };
        self.bands(leg).map(overlapping).sum()
    }
}

/// Calls `visit` with the ends of each straight piece of an outline, and the edges that it stands for. A curve counts as
/// its control polygon, which crosses at least as many rows. Contours are closed.
fn for_each_leg(path: &Path, visit: &mut impl FnMut(Point, Point, f64)) {
    let (mut start, mut last) = (Point::zero(), Point::zero());
    for segment in path.segments() {
        let (points, edges) = match segment {
            PathSegment::MoveTo(to) => {
                visit(last, start, 1.0);
                (start, last) = (to, to);
                continue;
            }
            PathSegment::LineTo(to) => ([Some(to), None, None], 1.0),
            PathSegment::QuadTo(control, to) => ([Some(control), Some(to), None], 0.6),
            PathSegment::CubicTo(first, second, to) => ([Some(first), Some(second), Some(to)], 0.6),
            PathSegment::Close => ([Some(start), None, None], 1.0),
        };
        for to in points.into_iter().flatten() {
            visit(last, to, edges);
            last = to;
        }
    }
    visit(last, start, 1.0);
}

/// The sum of the pixels of each contour's box.
fn contour_pixels(path: &Path, surface: &Surface) -> f64 {
    let mut sum = 0.0;
    let mut contour: Option<(Point, Point)> = None;
    let mut finish = |contour: Option<(Point, Point)>| {
        let rect = contour.and_then(|(min, max)| Rect::from_ltrb(min.x, min.y, max.x, max.y));
        sum += rect.map_or(0.0, |rect| surface.shown(rect));
    };
    for segment in path.segments() {
        let points = match segment {
            PathSegment::MoveTo(to) => {
                finish(contour.replace((to, to)));
                continue;
            }
            PathSegment::LineTo(to) => [to; 3],
            PathSegment::QuadTo(control, to) => [control, to, to],
            PathSegment::CubicTo(first, second, to) => [first, second, to],
            PathSegment::Close => continue,
        };
        if let Some((min, max)) = &mut contour {
            for point in points {
                *min = Point::from_xy(min.x.min(point.x), min.y.min(point.y));
                *max = Point::from_xy(max.x.max(point.x), max.y.max(point.y));
            }
        }
    }
    finish(contour);
    sum
}
