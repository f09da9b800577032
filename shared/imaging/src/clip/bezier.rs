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
const NEAR: f64 = 0.05;
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
    let mut places = [Point::default(); MOST_SAMPLES];
    let mut at = [0.0; MOST_SAMPLES];
    let mut count = 0;
    let (first, behind) = (gaps[0].max(1), last.saturating_sub(gaps[1].max(1) - 1));
    if behind > first {
        let most = (behind - first).min(MOST_SAMPLES);
        for index in 0..most {
            // In the middles of as many parts.
            let sample = first + ((2 * index + 1) * (behind - first)) / (2 * most);
            places[count] = samples[sample];
            at[count] = sample as f64 / last as f64;
            count += 1;
        }
    }
    let (places, at) = (&places[..count], &mut at[..count]);
    let chord = distance(start.at, end.at);
    let length = length.max(chord);
    let reach = if length <= SHORT { length.min(SPARE * chord) } else { length };
    let mut curve = with_handles(start, end, reach / 3.0, reach / 3.0);
    for round in 0..ROUNDS {
        if let Some((first, second)) = handles(places, at, start, end, reach) {
            curve = with_handles(start, end, first, second);
        }
        improve(&curve, places, at);
        if round + 1 < ROUNDS && worst_of(&curve, places, at).0 < NEAR {
            break;
        }
    }
    let (worst, squares) = worst_of(&curve, places, at);
    let squares = if count == 0 { 0.0 } else { squares / count as f64 * length };
    Fitted { curve, worst: worst.max(loops(&curve, length)), squares }
}

/// The sample that is farthest from a curve, and how far it is. All of them are looked at.
pub(crate) fn farthest(curve: &[Point; 4], samples: &[Point], gaps: [usize; 2]) -> Option<(usize, f64)> {
    let last = samples.len().saturating_sub(1);
    let inner = gaps[0].max(1)..samples.len().saturating_sub(gaps[1].max(1));
    let places = samples.get(inner.clone())?;
    let mut at: Vec<f64> = inner.clone().map(|index| index as f64 / last as f64).collect();
    for _ in 0..ROUNDS {
        improve(curve, places, &mut at);
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

fn worst_of(curve: &[Point; 4], places: &[Point], at: &[f64]) -> (f64, f64) {
    places.iter().zip(at).fold((0.0, 0.0), |(worst, squares): (f64, f64), (place, at)| {
        let away = distance(on_curve(curve, *at), *place);
        (worst.max(away), squares + away * away)
    })
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

/// The lengths of the handles by least squares, within their bounds for a piece of this length.
fn handles(places: &[Point], at: &[f64], start: End, end: End, length: f64) -> Option<(f64, f64)> {
    let (mut aa, mut ab, mut bb, mut ar, mut br) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let across = start.towards.x * end.towards.x + start.towards.y * end.towards.y;
    for (place, at) in places.iter().zip(at) {
        let (u, v) = (*at, 1.0 - at);
        let (first, second) = (3.0 * v * v * u, 3.0 * v * u * u);
        let (near, far) = (v * v * v + first, second + u * u * u);
        let rest =
            Point { x: place.x - near * start.at.x - far * end.at.x, y: place.y - near * start.at.y - far * end.at.y };
        aa += first * first;
        ab += first * second * across;
        bb += second * second;
        ar += first * (rest.x * start.towards.x + rest.y * start.towards.y);
        br += second * (rest.x * end.towards.x + rest.y * end.towards.y);
    }
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
fn improve(curve: &[Point; 4], places: &[Point], at: &mut [f64]) {
    let difference = |a: Point, b: Point| Point { x: b.x - a.x, y: b.y - a.y };
    let first = [difference(curve[0], curve[1]), difference(curve[1], curve[2]), difference(curve[2], curve[3])];
    let second = [difference(first[0], first[1]), difference(first[1], first[2])];
    for (place, at) in places.iter().zip(at) {
        let (u, v) = (*at, 1.0 - *at);
        let away = difference(*place, on_curve(curve, u));
        let (a, b, c) = (v * v, 2.0 * u * v, u * u);
        let speed = Point {
            x: 3.0 * (a * first[0].x + b * first[1].x + c * first[2].x),
            y: 3.0 * (a * first[0].y + b * first[1].y + c * first[2].y),
        };
        let bend = Point { x: 6.0 * (v * second[0].x + u * second[1].x), y: 6.0 * (v * second[0].y + u * second[1].y) };
        let slope = speed.x * speed.x + speed.y * speed.y + away.x * bend.x + away.y * bend.y;
        if slope > 1e-9 {
            let step = (away.x * speed.x + away.y * speed.y) / slope;
            *at = (u - step.clamp(-0.2, 0.2)).clamp(0.0, 1.0);
        }
    }
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
