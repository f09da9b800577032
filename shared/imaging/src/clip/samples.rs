//! An outline as evenly spaced samples, cut where it meets the frame of the picture, and local fits to the samples: lines,
//! and the position and direction at a sample.

use super::contour::Outline;
use crate::path::Point;

/// The approximate distance of two samples along the outline, in pixels.
pub(super) const STEP: f64 = 0.75;
/// The fewest samples of a closed outline.
const MIN_CLOSED: usize = 12;

/// A section of an outline, in the outline's direction.
#[derive(Debug, Clone)]
pub(super) enum OutlineSection {
    /// Straight along the frame, from one point to the other.
    Frame(Point, Point),
    /// From one point on the frame to another, through the picture.
    Open(Samples),
    /// The whole outline, which does not run along the frame anywhere. The first sample is repeated at the end.
    Closed(Samples),
}

/// Evenly spaced points along a section.
#[derive(Debug, Clone)]
pub(super) struct Samples {
    pub(super) points: Vec<Point>,
    /// The distance of two samples along the section, in pixels.
    pub(super) step: f64,
}

/// Cuts an outline at the ends of all parts that run along the frame of a picture of this size.
pub(super) fn sections(outline: &Outline, width: u32, height: u32) -> Vec<OutlineSection> {
    let points = &outline.points;
    let (width, height) = (f64::from(width), f64::from(height));
    let touches = |at: Point| [at.x <= 0.0, at.x >= width, at.y <= 0.0, at.y >= height];
    // The side of the frame along which the outline runs from a point to the next, if any.
    let frame_side = |index: usize| {
        let (from, to) = (touches(points[index]), touches(points[(index + 1) % points.len()]));
        (0..4).find(|side| from[*side] && to[*side])
    };
    let count = points.len();
    let starts_on_frame =
        |index: &usize| frame_side(*index).is_some() && frame_side((index + count - 1) % count) != frame_side(*index);
    let Some(start) = (0..count).find(starts_on_frame) else {
        return vec![OutlineSection::Closed(resample(points, true))];
    };
    let mut sections = Vec::new();
    let mut index = 0;
    while index < count {
        let side = frame_side((start + index) % count);
        let mut end = index + 1;
        while end < count && frame_side((start + end) % count) == side {
            end += 1;
        }
        let part: Vec<Point> = (index..=end).map(|index| points[(start + index) % count]).collect();
        sections.push(match (side, part.as_slice()) {
            (Some(_), [first, .., last]) => OutlineSection::Frame(*first, *last),
            _ => OutlineSection::Open(resample(&part, false)),
        });
        index = end;
    }
    sections
}

/// Evenly spaced samples along the line through `points`, by linear interpolation.
fn resample(points: &[Point], closed: bool) -> Samples {
    let count = points.len();
    let sides = if closed { count } else { count.saturating_sub(1) };
    let side = |index: usize| (points[index], points[(index + 1) % count]);
    let side_length = |index: usize| {
        let (from, to) = side(index);
        (to.x - from.x).hypot(to.y - from.y)
    };
    let length: f64 = (0..sides).map(side_length).sum();
    let min = if closed { MIN_CLOSED } else { 2 };
    let parts = ((length / STEP).round() as usize).max(min);
    let step = length / parts as f64;
    let mut samples = Vec::with_capacity(parts + 1);
    let (mut index, mut passed) = (0, 0.0);
    for part in 0..parts {
        let target = part as f64 * step;
        while index + 1 < sides && passed + side_length(index) < target {
            passed += side_length(index);
            index += 1;
        }
        let (from, to) = side(index);
        let here = side_length(index);
        let share = if here > 0.0 { ((target - passed) / here).clamp(0.0, 1.0) } else { 0.0 };
        samples.push(Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
    }
    samples.push(if closed { points[0] } else { points[count - 1] });
    Samples { points: samples, step }
}

/// A line through samples, by least squares of their distances from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FittedLine {
    pub(super) middle: Point,
    /// Of length 1, in the direction of the outline.
    pub(super) direction: Point,
    /// The root mean square of the distances from it, in pixels.
    pub(super) rms: f64,
}

impl FittedLine {
    /// The line through `points`, of which there should be two or more.
    pub(super) fn through(points: impl Iterator<Item = Point> + Clone) -> Self {
        let mut middle = Point::default();
        let mut count = 0.0_f64;
        for point in points.clone() {
            middle.x += point.x;
            middle.y += point.y;
            count += 1.0;
        }
        middle = Point { x: middle.x / count.max(1.0), y: middle.y / count.max(1.0) };
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        let mut ends: Option<(Point, Point)> = None;
        for point in points {
            let (x, y) = (point.x - middle.x, point.y - middle.y);
            xx += x * x;
            xy += x * y;
            yy += y * y;
            ends = Some((ends.map_or(point, |(first, _)| first), point));
        }
        let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
        let mut direction = Point { x: angle.cos(), y: angle.sin() };
        if let Some((first, last)) = ends
            && (last.x - first.x) * direction.x + (last.y - first.y) * direction.y < 0.0
        {
            direction = Point { x: -direction.x, y: -direction.y };
        }
        let across = (xx + yy - (xx - yy).hypot(2.0 * xy)) / 2.0;
        Self { middle, direction, rms: (across.max(0.0) / count.max(1.0)).sqrt() }
    }

    /// The signed distance of a point, positive on the right of the line's direction.
    fn signed_distance(&self, point: Point) -> f64 {
        (point.y - self.middle.y) * self.direction.x - (point.x - self.middle.x) * self.direction.y
    }

    /// The closest point on the line.
    pub(super) fn closest(&self, point: Point) -> Point {
        let away = self.signed_distance(point);
        Point { x: point.x + away * self.direction.y, y: point.y - away * self.direction.x }
    }

    /// Where two lines cross; `None` if they are nearly parallel.
    pub(super) fn crossing(&self, other: &Self) -> Option<Point> {
        let sine = self.direction.x * other.direction.y - self.direction.y * other.direction.x;
        if sine.abs() < 0.05 {
            return None;
        }
        let along = other.signed_distance(self.middle) / sine;
        Some(Point { x: self.middle.x + along * self.direction.x, y: self.middle.y + along * self.direction.y })
    }
}

/// The position and direction of an outline, without the stairs of the pixels. The direction has length 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tangent {
    pub(super) at: Point,
    pub(super) direction: Point,
}

/// The half widths of the windows that are tried, in samples, the widest first.
const WINDOWS: [usize; 5] = [24, 16, 10, 6, 4];

impl Samples {
    pub(super) fn last(&self) -> usize {
        self.points.len() - 1
    }

    /// The sample `offset` away from `index`, around a closed section.
    pub(super) fn around(&self, index: usize, offset: isize) -> Point {
        let (last, at) = (self.last() as isize, index as isize + offset);
        self.points[if (0..=last).contains(&at) { at } else { at.rem_euclid(last) } as usize]
    }

    /// Position and direction at a sample, from a parabola through the samples around it.
    ///
    /// The window is the widest in which the parabola's root mean square distance is at most `max_rms`, which is exact
    /// where the outline is calm and keeps small features. `bounds` is how far the window may reach before and after the
    /// sample; near the end of a section it is not symmetric.
    pub(super) fn tangent(&self, index: usize, bounds: (usize, usize), max_rms: f64) -> Tangent {
        let mut narrowest = None;
        for window in WINDOWS {
            let (before, after) = (bounds.0.min(window), bounds.1.min(window));
            let (tangent, rms) = self.parabola(index, before, after);
            narrowest = Some(tangent);
            if rms <= max_rms {
                break;
            }
        }
        narrowest.unwrap_or(Tangent { at: self.points[index], direction: Point { x: 1.0, y: 0.0 } })
    }

    /// The tangent of a parabola through a window, and the parabola's root mean square distance.
    fn parabola(&self, index: usize, before: usize, after: usize) -> (Tangent, f64) {
        let range = -(before as isize)..=after as isize;
        let scale = 1.0 / (before.max(after).max(1) as f64);
        let mut sums = [0.0; 5];
        let (mut xs, mut ys) = ([0.0; 3], [0.0; 3]);
        let origin = self.points[index];
        for offset in range.clone() {
            let t = offset as f64 * scale;
            let powers = [1.0, t, t * t];
            let point = self.around(index, offset);
            let (x, y) = (point.x - origin.x, point.y - origin.y);
            for (power, value) in powers.iter().enumerate() {
                xs[power] += value * x;
                ys[power] += value * y;
                sums[power] += value;
            }
            sums[3] += t * t * t;
            sums[4] += t * t * t * t;
        }
        let line = || FittedLine::through(range.clone().map(|offset| self.around(index, offset)));
        let (Some(x), Some(y)) = (solve(&sums, xs), solve(&sums, ys)) else {
            let line = line();
            return (Tangent { at: origin, direction: line.direction }, line.rms);
        };
        let mut error = 0.0;
        for offset in range.clone() {
            let t = offset as f64 * scale;
            let point = self.around(index, offset);
            let dx = point.x - origin.x - (x[0] + x[1] * t + x[2] * t * t);
            let dy = point.y - origin.y - (y[0] + y[1] * t + y[2] * t * t);
            // A distance along the outline is not an error: the stairs of the pixels are longer than the outline.
            let (vx, vy) = (x[1] + 2.0 * x[2] * t, y[1] + 2.0 * y[2] * t);
            let square = vx * vx + vy * vy;
            error += if square > 1e-12 { (dx * vy - dy * vx).powi(2) / square } else { dx * dx + dy * dy };
        }
        let rms = (error / (before + after + 1) as f64).sqrt();
        let speed = x[1].hypot(y[1]);
        let direction = if speed > 1e-9 { Point { x: x[1] / speed, y: y[1] / speed } } else { line().direction };
        (Tangent { at: Point { x: origin.x + x[0], y: origin.y + y[0] }, direction }, rms)
    }
}

/// Solves the normal equations of a parabola. `sums` are the sums of the powers 0 to 4 that make up the matrix.
fn solve(sums: &[f64; 5], right: [f64; 3]) -> Option<[f64; 3]> {
    let [a, b, c, d, e] = *sums;
    let minors = [c * e - d * d, b * e - c * d, b * d - c * c];
    let determinant = a * minors[0] - b * minors[1] + c * minors[2];
    if determinant.abs() < 1e-9 {
        return None;
    }
    let [p, q, r] = right;
    Some([
        (p * minors[0] - q * minors[1] + r * minors[2]) / determinant,
        (-p * minors[1] + q * (a * e - c * c) - r * (a * d - b * c)) / determinant,
        (p * minors[2] - q * (a * d - b * c) + r * (a * c - b * b)) / determinant,
    ])
}
