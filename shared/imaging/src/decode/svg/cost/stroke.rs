//! The work of strokes.
//!
//! A stroke is drawn as the outline around its line, and a dashed one as the outline around each dash. Only the number
//! of their edges is estimated beforehand; then the outline is made and counted.

use resvg::tiny_skia::{LineCap, LineJoin, Path, PathSegment, PathStroker, Point, Stroke, Transform};
use resvg::usvg;

use super::budget::{Budget, Exceeded, Part};
use super::outline::EDGE_BYTES;
use super::paint::PaintWork;
use super::surface::Surface;

/// Most dashes that the drawing library makes of a path. It leaves out the path if there are more.
const MAX_DASHES: f64 = 1e6;
/// Work per dash in addition to its outline.
const DASH_WORK: f64 = 400.0;
/// Bytes per dash, apart from its outline.
const DASH_BYTES: f64 = 64.0;
/// Largest distance in pixels between a curve and the straight pieces that measure its length.
const MEASURE_TOLERANCE: f64 = 0.5;
/// Most pieces of a curve: it is halved up to 20 times.
const MAX_PIECES: f64 = (1 << 20) as f64;
/// Relative error of coordinates after a few operations. A piece whose error exceeds the tolerance is halved on and on.
const COORDINATE_ERROR: f64 = 4.0 * f32::EPSILON as f64;
/// Work per piece for measuring a line. It is measured twice: here, and to draw it.
const PIECE_WORK: f64 = 40.0;
/// Bytes per piece, and the growth of their list.
const PIECE_BYTES: f64 = 48.0;
/// Bytes of an outline per edge.
const OUTLINE_BYTES: f64 = 12.0;
/// Work per point for making the outline around a line. It is made twice: here, and to draw it.
const POINT_WORK: f64 = 600.0;
/// Work per pixel along a line of up to one pixel in width.
const HAIRLINE_WORK: f64 = 300.0;
/// Work for each such line.
const HAIRLINE_LINE_WORK: f64 = 50.0;

impl Budget {
    /// Counts a stroke, apart from a pattern's contents.
    pub(super) fn draw_stroke(
        &mut self,
        path: &usvg::Path,
        stroke: &usvg::Stroke,
        surface: Surface,
    ) -> Result<(), Exceeded> {
        // The outline reaches beyond the line. It is made even if nothing of it is shown.
        surface.placed(path.stroke_bounding_box())?;
        let paint = PaintWork::of(stroke.paint(), stroke.opacity().get());
        let style = stroke.to_tiny_skia();
        let line = path.data();
        let Some(dash) = &style.dash else {
            return self.draw_line(line, path, &style, (paint, surface));
        };
        let scale = PathStroker::compute_resolution_scale(&surface.transform);
        let pieces = piece_count(line, f64::from(scale));
        self.spend(Part::Dashes, pieces * PIECE_WORK)?;
        let dashes = dash_count(line, stroke);
        self.spend(Part::Dashes, dashes * DASH_WORK)?;
        if !is_hairline(&style, path.rendering_mode().use_shape_antialiasing(), surface.transform) {
            self.hold(Part::Dashes, dashes * edges_around(&style) * EDGE_BYTES, |_| Ok(()))?;
        }
        self.hold(Part::Dashes, pieces * PIECE_BYTES + dashes * DASH_BYTES, |budget| {
            let Some(dashed) = line.dash(dash, scale) else { return Ok(()) };
            budget.draw_line(&dashed, path, &style, (paint, surface))
        })
    }

    /// Counts a stroke along a line that is not dashed, or no longer.
    fn draw_line(
        &mut self,
        line: &Path,
        path: &usvg::Path,
        style: &Stroke,
        (paint, surface): (PaintWork, Surface),
    ) -> Result<(), Exceeded> {
        let part = if style.dash.is_some() { Part::Dashes } else { Part::Outlines };
        let is_smooth = path.rendering_mode().use_shape_antialiasing();
        if is_hairline(style, is_smooth, surface.transform) {
            return self.draw_hairline(line, style, part, (paint, surface));
        }
        let points = line.points().len() as f64;
        self.spend(part, POINT_WORK * points)?;
        self.hold(part, points * edges_around(style) * OUTLINE_BYTES, |budget| {
            let scale = PathStroker::compute_resolution_scale(&surface.transform);
            let outline = line.stroke(&Stroke { dash: None, ..style.clone() }, scale);
            let Some(outline) = outline else { return Ok(()) };
            // The boxes of long thin shapes hold far more pixels than the shapes do.
            let across = f64::from(scale * style.width) + 2.0;
            let max_pixels = 3.0 * across * (length(line) * f64::from(scale) + across * points);
            budget.fill_outline(&outline, part, max_pixels, (paint, surface))
        })
    }

    /// Counts a line of up to one pixel in width, which is drawn without an outline, pixel by pixel.
    fn draw_hairline(
        &mut self,
        line: &Path,
        style: &Stroke,
        part: Part,
        (paint, surface): (PaintWork, Surface),
    ) -> Result<(), Exceeded> {
        let Some(line) = surface.place(line)? else { return Ok(()) };
        let (_, tiles) = surface.tiles();
        let area = surface.area;
        let side = f64::from(area.width()) + f64::from(area.height());
        let caps = if style.line_cap == LineCap::Butt { 1.0 } else { 3.0 };
        let (mut lines, mut pixels) = (0.0, 0.0);
        for_each_segment(&line, |points| {
            let length: f64 = points.windows(2).map(|ends| f64::from(ends[0].distance(ends[1]))).sum();
            // A curve is drawn as straight lines.
            lines += if points.len() > 2 { (2.0 * length.sqrt()).clamp(2.0, 512.0) } else { 1.0 };
            // Even a curve crosses the area only a few times.
            pixels += length.min(5.0 * side) + caps;
        });
        let per_pixel = HAIRLINE_WORK + paint.per_run;
        self.spend(part, tiles * HAIRLINE_LINE_WORK * lines)?;
        self.spend(paint.part, paint.per_shape + per_pixel * pixels)
    }
}

/// The number of dashes, at most.
fn dash_count(line: &Path, stroke: &usvg::Stroke) -> f64 {
    let pattern = stroke.dasharray().unwrap_or_default();
    let period: f64 = pattern.iter().map(|length| f64::from(*length)).sum();
    let periods = length(line) / period.max(f64::MIN_POSITIVE);
    (periods * pattern.len() as f64 / 2.0).min(MAX_DASHES) + line.points().len() as f64
}

/// The straight pieces into which curves are cut to measure a line, at most.
fn piece_count(line: &Path, scale: f64) -> f64 {
    let tolerance = MEASURE_TOLERANCE / scale;
    let mut pieces = 0.0;
    for_each_segment(line, |points| {
        let sizes = points.iter().flat_map(|point| [point.x, point.y]).map(|size| f64::from(size.abs()));
        let error = COORDINATE_ERROR * sizes.fold(0.0, f64::max);
        pieces += match points.len() {
            0..=2 => 1.0,
            _ if error > tolerance => MAX_PIECES,
            // Half as long a piece is four times as close to its curve, and pieces are halved as a whole.
            _ => (2.0 * (bend(points) / tolerance).sqrt()).clamp(1.0, MAX_PIECES),
        };
    });
    pieces
}

/// How far the control points of a curve lie from even steps along its chord, at most.
fn bend(points: &[Point]) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
    let steps = (points.len() - 1) as f32;
    let inner = points.iter().enumerate().skip(1).take(points.len().saturating_sub(2));
    let away = inner.map(|(index, point)| {
        let share = index as f32 / steps;
        let even = Point::from_xy(first.x + (last.x - first.x) * share, first.y + (last.y - first.y) * share);
        f64::from(point.distance(even))
    });
    away.fold(0.0, f64::max)
}

/// The edges of an outline around a single straight line, or around one point of a longer line.
fn edges_around(style: &Stroke) -> f64 {
    match (style.line_cap, style.line_join) {
        (LineCap::Round, _) => 11.0,
        (LineCap::Butt | LineCap::Square, LineJoin::Round) => 7.0,
        (LineCap::Butt | LineCap::Square, _) => 5.0,
    }
}

/// Whether a stroke is so thin that it is drawn without an outline.
fn is_hairline(style: &Stroke, is_smooth: bool, transform: Transform) -> bool {
    if !is_smooth {
        return style.width == 0.0;
    }
    let length = |x: f32, y: f32| {
        let (x, y) = (x.abs() * style.width, y.abs() * style.width);
        x.max(y) + x.min(y) / 2.0
    };
    length(transform.sx, transform.ky) <= 1.0 && length(transform.kx, transform.sy) <= 1.0
}

/// The length of a path's control polygon, which is at least its own.
fn length(path: &Path) -> f64 {
    let mut sum = 0.0;
    for_each_segment(path, |points| {
        sum += points.windows(2).map(|ends| f64::from(ends[0].distance(ends[1]))).sum::<f64>();
    });
    sum
}

/// Calls `visit` with the points of each segment.
fn for_each_segment(path: &Path, mut visit: impl FnMut(&[Point])) {
    let (mut start, mut last) = (Point::zero(), Point::zero());
    for segment in path.segments() {
        match segment {
            PathSegment::MoveTo(to) => (start, last) = (to, to),
            PathSegment::LineTo(to) => {
                visit(&[last, to]);
                last = to;
            }
            PathSegment::QuadTo(control, to) => {
                visit(&[last, control, to]);
                last = to;
            }
            PathSegment::CubicTo(first, second, to) => {
                visit(&[last, first, second, to]);
                last = to;
            }
            PathSegment::Close => {
                visit(&[last, start]);
                last = start;
            }
        }
    }
}
