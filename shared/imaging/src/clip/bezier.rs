//! One cubic Bézier curve through a piece of an outline.
//!
//! Schneider, "An algorithm for automatically fitting digitized curves" (Graphics Gems, 1990): the ends and
//! their directions are given, the lengths of the two handles are found by least squares, and the parameters
//! of the samples are improved by Newton's method in between.

use super::raster::on_curve;
use crate::path::Point;

/// How many samples of a piece are looked at, at most. The places between them are as near to the curve as
/// they are, since the samples of a longer piece are no rougher than those of a shorter one.
const MOST_SAMPLES: usize = 28;
/// How often the parameters are improved.
const ROUNDS: usize = 5;
/// A curve as near as this is not improved, in pixels.
const NEAR: f64 = 0.1;
/// The shortest and longest handle, as a share of the length of the piece: a half circle has 0.42, and from
/// about 0.8 on a curve makes loops.
const HANDLES: (f64, f64) = (0.03, 0.8);
/// A piece up to this length, in pixels, may be much longer than the way between its ends: the corner that it begins
/// with was moved, or what it follows is the matte's noise. Its handles go by that way, with so much to spare: longer
/// ones reach beyond the ends, and the curve crosses its neighbours.
const SHORT: f64 = 8.0;
const SPARE: f64 = 1.2;

/// A place and a direction of length 1 towards the inside of the piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) at: Point,
    pub(crate) towards: Point,
}

/// A curve and how near it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fitted {
    pub(crate) curve: [Point; 4],
    /// The largest distance of a sample, in pixels.
    pub(crate) worst: f64,
    /// The squared distances, summed over the pixels of its length.
    pub(crate) squares: f64,
}

/// Fits a curve from `start` to `end` to samples that are evenly spaced along a piece of so many pixels, the
/// first and the last of them at its ends. The samples nearer than `gap` of them to an end are not looked at.
pub(crate) fn fit(samples: &[Point], length: f64, start: End, end: End, gaps: [usize; 2]) -> Fitted {
    let last = samples.len().saturating_sub(1).max(1);
    let mut seen = Seen::default();
    let (first, behind) = (gaps[0].max(1), last.saturating_sub(gaps[1].max(1) - 1));
    if behind > first {
        let most = (behind - first).min(MOST_SAMPLES);
        for index in 0..most {
            // In the middles of as many parts.
            let sample = first + ((2 * index + 1) * (behind - first)) / (2 * most);
            seen.push(samples[sample], sample as f64 / last as f64);
        }
    }
    let chord = distance(start.at, end.at);
    let length = length.max(chord);
    let reach = if length <= SHORT { length.min(SPARE * chord) } else { length };
    let mut curve = with_handles(start, end, reach / 3.0, reach / 3.0);
    for round in 0..ROUNDS {
        if let Some((first, second)) = seen.handles(start, end, reach) {
            curve = with_handles(start, end, first, second);
        }
        seen.improve(&curve);
        if round + 1 < ROUNDS && seen.away(&curve).0 < NEAR {
            break;
        }
    }
    let (worst, squares) = seen.away(&curve);
    let squares = if seen.count == 0 { 0.0 } else { squares / seen.count as f64 * length };
    Fitted { curve, worst: worst.max(loops(&curve, length)), squares }
}

/// The sample that is farthest from a curve, and how far it is. All of them are looked at.
pub(crate) fn farthest(curve: &[Point; 4], samples: &[Point], gaps: [usize; 2]) -> Option<(usize, f64)> {
    let last = samples.len().saturating_sub(1);
    let inner = gaps[0].max(1)..samples.len().saturating_sub(gaps[1].max(1));
    let places = samples.get(inner.clone())?;
    let mut at: Vec<f64> = inner.clone().map(|index| index as f64 / last as f64).collect();
    let slopes = Slopes::of(curve);
    for (at, place) in at.iter_mut().zip(places) {
        for _ in 0..ROUNDS {
            *at = slopes.nearer(curve, (place.x, place.y), *at);
        }
    }
    let away = places.iter().zip(&at).map(|(place, at)| distance(on_curve(curve, *at), *place));
    inner.zip(away).max_by(|a, b| a.1.total_cmp(&b.1))
}

pub(crate) fn distance(a: Point, b: Point) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

fn with_handles(start: End, end: End, first: f64, second: f64) -> [Point; 4] {
    let along =
        |end: End, length: f64| Point { x: end.at.x + end.towards.x * length, y: end.at.y + end.towards.y * length };
    [start.at, along(start, first), along(end, second), end.at]
}

/// A curve much longer than its piece has a loop or a cusp: how much longer it is, as a distance.
fn loops(curve: &[Point; 4], length: f64) -> f64 {
    let mut last = curve[0];
    let mut sum = 0.0;
    for index in 1..=8 {
        let next = on_curve(curve, f64::from(index) / 8.0);
        sum += distance(last, next);
        last = next;
    }
    (sum - length * 1.15 - 1.0).max(0.0)
}

/// Samples are worked on so many at a time, which compilers make vector instructions of.
const TOGETHER: usize = 4;

/// The samples that are looked at, in [`TOGETHER`]s; what is left of the last has no weight.
#[derive(Default)]
struct Seen {
    parts: [Part; MOST_SAMPLES / TOGETHER],
    count: usize,
}

/// Some samples: where they are, at which parameter of the curve, and 1, or 0 for none.
#[derive(Default, Clone, Copy)]
struct Part {
    x: [f64; TOGETHER],
    y: [f64; TOGETHER],
    at: [f64; TOGETHER],
    weight: [f64; TOGETHER],
}

impl Seen {
    fn push(&mut self, place: Point, at: f64) {
        let (part, number) = (&mut self.parts[self.count / TOGETHER], self.count % TOGETHER);
        (part.x[number], part.y[number], part.at[number], part.weight[number]) = (place.x, place.y, at, 1.0);
        self.count += 1;
    }

    fn parts(&self) -> &[Part] {
        &self.parts[..self.count.div_ceil(TOGETHER)]
    }

    /// The largest distance from a curve, and the sum of the squares of all.
    fn away(&self, curve: &[Point; 4]) -> (f64, f64) {
        let (mut worst, mut squares) = ([0.0_f64; TOGETHER], [0.0_f64; TOGETHER]);
        for part in self.parts() {
            for number in 0..TOGETHER {
                let on = on_curve(curve, part.at[number]);
                let (x, y) = (on.x - part.x[number], on.y - part.y[number]);
                let away = (x * x + y * y) * part.weight[number];
                worst[number] = if away > worst[number] { away } else { worst[number] };
                squares[number] += away;
            }
        }
        (worst.into_iter().fold(0.0, f64::max).sqrt(), squares.iter().sum())
    }

    /// The lengths of the handles by least squares, within their bounds for a piece of this length.
    fn handles(&self, start: End, end: End, length: f64) -> Option<(f64, f64)> {
        let across = start.towards.x * end.towards.x + start.towards.y * end.towards.y;
        let (mut aa, mut ab, mut bb) = ([0.0_f64; TOGETHER], [0.0_f64; TOGETHER], [0.0_f64; TOGETHER]);
        let (mut ar, mut br) = ([0.0_f64; TOGETHER], [0.0_f64; TOGETHER]);
        for part in self.parts() {
            for number in 0..TOGETHER {
                let (u, v) = (part.at[number], 1.0 - part.at[number]);
                let (first, second) = (3.0 * v * v * u, 3.0 * v * u * u);
                let (near, far) = (v * v * v + first, second + u * u * u);
                let x = part.x[number] - near * start.at.x - far * end.at.x;
                let y = part.y[number] - near * start.at.y - far * end.at.y;
                let weight = part.weight[number];
                let (first, second) = (weight * first, weight * second);
                aa[number] += first * first;
                ab[number] += first * second;
                bb[number] += second * second;
                ar[number] += first * (x * start.towards.x + y * start.towards.y);
                br[number] += second * (x * end.towards.x + y * end.towards.y);
            }
        }
        let [aa, ab, bb, ar, br] = [aa, ab, bb, ar, br].map(|sum| sum.iter().sum::<f64>());
        let ab = ab * across;
        if aa <= 0.0 || bb <= 0.0 {
            return None;
        }
        let (least, most) = (HANDLES.0 * length, HANDLES.1 * length);
        let determinant = aa * bb - ab * ab;
        let within = |value: f64| value.clamp(least, most);
        if determinant > 1e-9 * aa * bb {
            let (first, second) = ((ar * bb - br * ab) / determinant, (aa * br - ab * ar) / determinant);
            if first == within(first) && second == within(second) {
                return Some((first, second));
            }
            // At a bound: the other is found again. The better of both ways.
            let given = |first: f64| (first, within((br - ab * first) / bb));
            let taken = |second: f64| (within((ar - ab * second) / aa), second);
            let error = |(a, b): (f64, f64)| a * a * aa + 2.0 * a * b * ab + b * b * bb - 2.0 * (a * ar + b * br);
            let (one, other) = (given(within(first)), taken(within(second)));
            return Some(if error(one) <= error(other) { one } else { other });
        }
        // Both handles in one line with the chord: a straight piece.
        None
    }

    /// One step of Newton's method towards the nearest place on the curve, for every sample.
    fn improve(&mut self, curve: &[Point; 4]) {
        let slopes = Slopes::of(curve);
        for part in &mut self.parts[..self.count.div_ceil(TOGETHER)] {
            for number in 0..TOGETHER {
                part.at[number] = slopes.nearer(curve, (part.x[number], part.y[number]), part.at[number]);
            }
        }
    }
}

/// The differences of a curve's points, and of those.
struct Slopes {
    first: [Point; 3],
    second: [Point; 2],
}

impl Slopes {
    fn of(curve: &[Point; 4]) -> Self {
        let difference = |a: Point, b: Point| Point { x: b.x - a.x, y: b.y - a.y };
        let first = [difference(curve[0], curve[1]), difference(curve[1], curve[2]), difference(curve[2], curve[3])];
        Self { first, second: [difference(first[0], first[1]), difference(first[1], first[2])] }
    }

    /// A parameter whose place on the curve is nearer to the one that is given.
    #[inline(always)]
    fn nearer(&self, curve: &[Point; 4], (x, y): (f64, f64), u: f64) -> f64 {
        let Self { first, second } = self;
        let v = 1.0 - u;
        let on = on_curve(curve, u);
        let (x, y) = (on.x - x, on.y - y);
        let (a, b, c) = (v * v, 2.0 * u * v, u * u);
        let speed_x = 3.0 * (a * first[0].x + b * first[1].x + c * first[2].x);
        let speed_y = 3.0 * (a * first[0].y + b * first[1].y + c * first[2].y);
        let (bend_x, bend_y) = (6.0 * (v * second[0].x + u * second[1].x), 6.0 * (v * second[0].y + u * second[1].y));
        let slope = speed_x * speed_x + speed_y * speed_y + x * bend_x + y * bend_y;
        let step = (x * speed_x + y * speed_y) / slope;
        let step = if slope > 1e-9 { step } else { 0.0 };
        clamped(u - clamped(step, -0.2, 0.2), 0.0, 1.0)
    }
}

/// [`f64::clamp`] without its check of the bounds, in a form that vector instructions are made of.
#[inline(always)]
fn clamped(value: f64, least: f64, most: f64) -> f64 {
    let value = if value < least { least } else { value };
    if value > most { most } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_found_again() {
        let curve = [(0.0, 0.0), (30.0, -10.0), (60.0, 50.0), (100.0, 40.0)].map(|(x, y)| Point { x, y });
        let unit = |from: Point, to: Point| {
            let length = distance(from, to);
            Point { x: (to.x - from.x) / length, y: (to.y - from.y) / length }
        };
        // Evenly spaced along the curve.
        let fine: Vec<Point> = (0..=10_000).map(|index| on_curve(&curve, f64::from(index) / 10_000.0)).collect();
        let length: f64 = fine.windows(2).map(|pair| distance(pair[0], pair[1])).sum();
        let (mut samples, mut gone) = (vec![fine[0]], 0.0);
        for pair in fine.windows(2) {
            gone += distance(pair[0], pair[1]);
            if gone >= samples.len() as f64 * length / 120.0 - 1e-6 {
                samples.push(pair[1]);
            }
        }
        let start = End { at: curve[0], towards: unit(curve[0], curve[1]) };
        let end = End { at: curve[3], towards: unit(curve[3], curve[2]) };
        let fitted = fit(&samples, length, start, end, [1, 1]);
        assert!(fitted.worst < 0.1, "{fitted:?}");
        assert!(distance(fitted.curve[1], curve[1]) < 2.0, "{fitted:?}");
    }

    #[test]
    fn pieces_of_nothing_and_of_one_place_are_curves_too() {
        let end = End { at: Point { x: 1.0, y: 1.0 }, towards: Point { x: 1.0, y: 0.0 } };
        for count in 0..4 {
            let samples = vec![end.at; count];
            let fitted = fit(&samples, 0.0, end, end, [1, 1]);
            assert!(fitted.curve.iter().all(|point| point.x.is_finite() && point.y.is_finite()));
        }
    }
}
