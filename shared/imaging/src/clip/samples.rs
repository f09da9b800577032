//! An outline as evenly spaced samples, cut where it meets the frame of the picture, and what a few samples
//! in a row tell of its place and direction.

use super::contour::Outline;
use crate::path::Point;

/// The distance of two samples along the outline, about, in pixels.
pub(crate) const STEP: f64 = 0.75;
/// The fewest samples of an outline that is closed.
const FEWEST: usize = 12;

/// A piece of an outline, in the direction of it.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Straight along the frame, from one place to the other.
    Frame(Point, Point),
    /// From one place on the frame to another, through the picture.
    Open(Samples),
    /// The whole outline, which nowhere runs along the frame. The first sample is repeated at the end.
    Closed(Samples),
}

/// Samples at even distances along a piece.
#[derive(Debug, Clone)]
pub(crate) struct Samples {
    pub(crate) places: Vec<Point>,
    /// The distance of two samples along the piece.
    pub(crate) step: f64,
}

/// Cuts an outline at the ends of all parts that run along the frame of a picture of that size.
pub(crate) fn pieces(outline: &Outline, width: u32, height: u32) -> Vec<Piece> {
    let points = &outline.points;
    let (width, height) = (f64::from(width), f64::from(height));
    let sides = |at: Point| [at.x <= 0.0, at.x >= width, at.y <= 0.0, at.y >= height];
    // The side of the frame that runs from a point to the next, if any.
    let along = |index: usize| {
        let (from, to) = (sides(points[index]), sides(points[(index + 1) % points.len()]));
        (0..4).find(|side| from[*side] && to[*side])
    };
    let count = points.len();
    let Some(start) =
        (0..count).find(|index| along(*index).is_some() && along((index + count - 1) % count) != along(*index))
    else {
        return vec![Piece::Closed(resample(points, true))];
    };
    let mut pieces = Vec::new();
    let mut index = 0;
    while index < count {
        let side = along((start + index) % count);
        let mut end = index + 1;
        while end < count && along((start + end) % count) == side {
            end += 1;
        }
        let part: Vec<Point> = (index..=end).map(|index| points[(start + index) % count]).collect();
        pieces.push(match (side, part.as_slice()) {
            (Some(_), [first, .., last]) => Piece::Frame(*first, *last),
            _ => Piece::Open(resample(&part, false)),
        });
        index = end;
    }
    pieces
}

/// Samples at even distances along a line through `points`, linear between them.
fn resample(points: &[Point], closed: bool) -> Samples {
    let count = points.len();
    let sides = if closed { count } else { count.saturating_sub(1) };
    let side = |index: usize| (points[index], points[(index + 1) % count]);
    let long = |(from, to): (Point, Point)| (to.x - from.x).hypot(to.y - from.y);
    let length: f64 = (0..sides).map(|index| long(side(index))).sum();
    let fewest = if closed { FEWEST } else { 2 };
    let parts = ((length / STEP).round() as usize).max(fewest);
    let step = length / parts as f64;
    let mut places = Vec::with_capacity(parts + 1);
    let (mut index, mut gone) = (0, 0.0);
    for part in 0..parts {
        let wanted = part as f64 * step;
        while index + 1 < sides && gone + long(side(index)) < wanted {
            gone += long(side(index));
            index += 1;
        }
        let (from, to) = side(index);
        let here = long((from, to));
        let share = if here > 0.0 { ((wanted - gone) / here).clamp(0.0, 1.0) } else { 0.0 };
        places.push(Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
    }
    places.push(if closed { points[0] } else { points[count - 1] });
    Samples { places, step }
}

/// A line through samples, by least squares of the distances from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) middle: Point,
    /// Of length 1, in the direction of the outline.
    pub(crate) direction: Point,
    /// The root of the mean square of the distances from it.
    pub(crate) rough: f64,
}

impl Line {
    /// The line through `places`, of which there should be two or more.
    pub(crate) fn through(places: impl Iterator<Item = Point> + Clone) -> Self {
        let mut middle = Point::default();
        let mut count = 0.0_f64;
        for place in places.clone() {
            middle.x += place.x;
            middle.y += place.y;
            count += 1.0;
        }
        middle = Point { x: middle.x / count.max(1.0), y: middle.y / count.max(1.0) };
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        let mut ends: Option<(Point, Point)> = None;
        for place in places {
            let (x, y) = (place.x - middle.x, place.y - middle.y);
            xx += x * x;
            xy += x * y;
            yy += y * y;
            ends = Some((ends.map_or(place, |(first, _)| first), place));
        }
        let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
        let mut direction = Point { x: angle.cos(), y: angle.sin() };
        if let Some((first, last)) = ends
            && (last.x - first.x) * direction.x + (last.y - first.y) * direction.y < 0.0
        {
            direction = Point { x: -direction.x, y: -direction.y };
        }
        let across = (xx + yy - (xx - yy).hypot(2.0 * xy)) / 2.0;
        Self { middle, direction, rough: (across.max(0.0) / count.max(1.0)).sqrt() }
    }

    /// How far a place is from it, above 0 at the right hand of its direction.
    pub(crate) fn beside(&self, place: Point) -> f64 {
        (place.y - self.middle.y) * self.direction.x - (place.x - self.middle.x) * self.direction.y
    }

    /// The place on it that is nearest to another.
    pub(crate) fn nearest(&self, place: Point) -> Point {
        let away = self.beside(place);
        Point { x: place.x + away * self.direction.y, y: place.y - away * self.direction.x }
    }

    /// Where two lines cross; `None` if they hardly do.
    pub(crate) fn crossing(&self, other: &Self) -> Option<Point> {
        let sine = self.direction.x * other.direction.y - self.direction.y * other.direction.x;
        if sine.abs() < 0.05 {
            return None;
        }
        let along = other.beside(self.middle) / sine;
        Some(Point { x: self.middle.x + along * self.direction.x, y: self.middle.y + along * self.direction.y })
    }
}

/// A place on an outline and its direction there, both of length 1 pixel and without the steps of the pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local {
    pub(crate) at: Point,
    pub(crate) direction: Point,
}

/// The halves of the windows that are tried, in samples, the widest first.
const WINDOWS: [usize; 5] = [24, 16, 10, 6, 4];

impl Samples {
    pub(crate) fn last(&self) -> usize {
        self.places.len() - 1
    }

    /// The sample `offset` away from `index`, around a closed piece.
    pub(crate) fn around(&self, index: usize, offset: isize) -> Point {
        let (last, at) = (self.last() as isize, index as isize + offset);
        self.places[if (0..=last).contains(&at) { at } else { at.rem_euclid(last) } as usize]
    }

    /// Place and direction at a sample, by a parabola through the samples around it: the widest window in
    /// which the parabola is as near as `rough` (the root of the mean square), which keeps what is small and
    /// is exact where the outline is calm. `bounds` is how far the window may reach before and after the
    /// sample; it is not symmetric near the end of a piece.
    pub(crate) fn local(&self, index: usize, bounds: (usize, usize), rough: f64) -> Local {
        let mut found = None;
        for window in WINDOWS {
            let (before, after) = (bounds.0.min(window), bounds.1.min(window));
            let (local, error) = self.parabola(index, before, after);
            found = Some(local);
            if error <= rough {
                break;
            }
        }
        found.unwrap_or(Local { at: self.places[index], direction: Point { x: 1.0, y: 0.0 } })
    }

    fn parabola(&self, index: usize, before: usize, after: usize) -> (Local, f64) {
        let range = -(before as isize)..=after as isize;
        let scale = 1.0 / (before.max(after).max(1) as f64);
        let mut sums = [0.0; 5];
        let (mut xs, mut ys) = ([0.0; 3], [0.0; 3]);
        let origin = self.places[index];
        for offset in range.clone() {
            let t = offset as f64 * scale;
            let powers = [1.0, t, t * t];
            let place = self.around(index, offset);
            let (x, y) = (place.x - origin.x, place.y - origin.y);
            for (power, value) in powers.iter().enumerate() {
                xs[power] += value * x;
                ys[power] += value * y;
                sums[power] += value;
            }
            sums[3] += t * t * t;
            sums[4] += t * t * t * t;
        }
        let (Some(x), Some(y)) = (solve(&sums, xs), solve(&sums, ys)) else {
            let line = Line::through(range.map(|offset| self.around(index, offset)));
            return (Local { at: origin, direction: line.direction }, line.rough);
        };
        let mut error = 0.0;
        for offset in range.clone() {
            let t = offset as f64 * scale;
            let place = self.around(index, offset);
            let dx = place.x - origin.x - (x[0] + x[1] * t + x[2] * t * t);
            let dy = place.y - origin.y - (y[0] + y[1] * t + y[2] * t * t);
            // What is along the outline is no error: the steps of the pixels are longer than the outline is.
            let (vx, vy) = (x[1] + 2.0 * x[2] * t, y[1] + 2.0 * y[2] * t);
            let square = vx * vx + vy * vy;
            error += if square > 1e-12 { (dx * vy - dy * vx).powi(2) / square } else { dx * dx + dy * dy };
        }
        let error = (error / (before + after + 1) as f64).sqrt();
        let long = x[1].hypot(y[1]);
        let direction = if long > 1e-9 {
            Point { x: x[1] / long, y: y[1] / long }
        } else {
            Line::through(range.map(|offset| self.around(index, offset))).direction
        };
        (Local { at: Point { x: origin.x + x[0], y: origin.y + y[0] }, direction }, error)
    }
}

/// Solves the normal equations of a parabola, whose matrix is made of the sums of the powers.
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
