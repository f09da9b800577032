//! Fits one cubic Bézier curve to a part of an outline.
//!
//! Source: P. J. Schneider, "An Algorithm for Automatically Fitting Digitized Curves" (Graphics Gems, 1990). The ends and
//! their directions are given; least squares find the lengths of the two handles, and Newton's method improves the
//! parameters of the samples in between.

use crate::path::Point;

/// The most samples that are compared with a curve. A longer part is no rougher than a shorter one, so the points
/// between these samples are about as close to the curve as the samples themselves.
const MAX_SAMPLES: usize = 28;
/// How often the parameters are improved.
const ROUNDS: usize = 5;
/// A curve that is this close to its samples is not improved further, in pixels.
const CLOSE_ENOUGH: f64 = 0.1;
/// The shortest and the longest handle, as shares of the length of the part. A half circle has 0.42; from about 0.8 on
/// curves form loops.
const HANDLE_SHARES: (f64, f64) = (0.03, 0.8);
/// A part up to this length, in pixels, may be much longer than its chord: the corner at its start was moved, or it follows
/// noise of the matte. Its handles are limited by the chord times [`CHORD_FACTOR`]: longer ones reach beyond the ends, and
/// the curve crosses its neighbors.
const SHORT: f64 = 8.0;
const CHORD_FACTOR: f64 = 1.2;

/// An end of a curve, and the direction into the curve, of length 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct CurveEnd {
    pub(super) at: Point,
    pub(super) towards: Point,
}

/// A fitted curve and how close it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct CurveFit {
    pub(super) curve: [Point; 4],
    /// The largest distance of a sample, in pixels.
    pub(super) max_distance: f64,
    /// The squared distances, summed over the pixels of the length.
    pub(super) sum_of_squares: f64,
}

/// Fits a curve to samples that are evenly spaced along `length` pixels, the first and the last of them at the ends. `gaps`
/// is how many samples are ignored at each end.
pub(super) fn fit_curve(samples: &[Point], length: f64, start: CurveEnd, end: CurveEnd, gaps: [usize; 2]) -> CurveFit {
    let mut selection = SampleSelection::new(samples, gaps);
    let chord = distance(start.at, end.at);
    let length = length.max(chord);
    let reach = if length <= SHORT { length.min(CHORD_FACTOR * chord) } else { length };
    let mut curve = with_handles(start, end, reach / 3.0, reach / 3.0);
    for round in 0..ROUNDS {
        if let Some((first, second)) = selection.handles(start, end, reach) {
            curve = with_handles(start, end, first, second);
        }
        selection.improve(&curve);
        if round + 1 < ROUNDS && selection.distances(&curve).0 < CLOSE_ENOUGH {
            break;
        }
    }
    let (max_distance, squares) = selection.distances(&curve);
    let sum_of_squares = if selection.count == 0 { 0.0 } else { squares / selection.count as f64 * length };
    CurveFit { curve, max_distance: max_distance.max(excess_length(&curve, length)), sum_of_squares }
}

/// The index of the sample that is farthest from a curve, and its distance. All samples are compared.
pub(super) fn farthest(curve: &[Point; 4], samples: &[Point], gaps: [usize; 2]) -> Option<(usize, f64)> {
    let last = samples.len().saturating_sub(1);
    let inner = gaps[0].max(1)..samples.len().saturating_sub(gaps[1].max(1));
    let points = samples.get(inner.clone())?;
    let mut parameters: Vec<f64> = inner.clone().map(|index| index as f64 / last as f64).collect();
    let derivatives = Derivatives::of(curve);
    for (parameter, point) in parameters.iter_mut().zip(points) {
        for _ in 0..ROUNDS {
            *parameter = derivatives.newton_step(curve, (point.x, point.y), *parameter);
        }
    }
    let distances = points.iter().zip(&parameters).map(|(point, at)| distance(on_curve(curve, *at), *point));
    inner.zip(distances).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The point of a curve at a parameter from 0 to 1.
#[inline]
pub(super) fn on_curve(curve: &[Point; 4], at: f64) -> Point {
    let rest = 1.0 - at;
    let [a, b, c, d] = [rest * rest * rest, 3.0 * rest * rest * at, 3.0 * rest * at * at, at * at * at];
    let [from, after, before, to] = curve;
    Point {
        x: from.x * a + after.x * b + before.x * c + to.x * d,
        y: from.y * a + after.y * b + before.y * c + to.y * d,
    }
}

pub(super) fn distance(a: Point, b: Point) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

fn with_handles(start: CurveEnd, end: CurveEnd, first: f64, second: f64) -> [Point; 4] {
    let along = |end: CurveEnd, length: f64| Point {
        x: end.at.x + end.towards.x * length,
        y: end.at.y + end.towards.y * length,
    };
    [start.at, along(start, first), along(end, second), end.at]
}

/// How much longer a curve is than its part, in pixels, beyond what is normal. A curve that is much longer has a loop or a
/// cusp.
fn excess_length(curve: &[Point; 4], length: f64) -> f64 {
    let mut last = curve[0];
    let mut sum = 0.0;
    for index in 1..=8 {
        let next = on_curve(curve, f64::from(index) / 8.0);
        sum += distance(last, next);
        last = next;
    }
    (sum - length * 1.15 - 1.0).max(0.0)
}

/// Samples are processed this many at a time, which compilers turn into vector instructions.
const LANES: usize = 4;

/// The samples that a curve is compared with, in groups of [`LANES`].
#[derive(Default)]
struct SampleSelection {
    groups: [SampleGroup; MAX_SAMPLES / LANES],
    count: usize,
}

/// Some samples. Unused lanes have a weight of 0, others of 1.
#[derive(Default, Clone, Copy)]
struct SampleGroup {
    x: [f64; LANES],
    y: [f64; LANES],
    /// The parameter of the curve's closest point.
    at: [f64; LANES],
    weight: [f64; LANES],
}

impl SampleSelection {
    /// At most [`MAX_SAMPLES`] of the samples between the gaps, evenly spread.
    fn new(samples: &[Point], gaps: [usize; 2]) -> Self {
        let last = samples.len().saturating_sub(1).max(1);
        let (first, end) = (gaps[0].max(1), last.saturating_sub(gaps[1].max(1) - 1));
        let mut selection = Self::default();
        if end > first {
            let count = (end - first).min(MAX_SAMPLES);
            for index in 0..count {
                // The middle of each of `count` equal parts.
                let sample = first + ((2 * index + 1) * (end - first)) / (2 * count);
                selection.push(samples[sample], sample as f64 / last as f64);
            }
        }
        selection
    }

    fn push(&mut self, point: Point, at: f64) {
        let (group, lane) = (&mut self.groups[self.count / LANES], self.count % LANES);
        (group.x[lane], group.y[lane], group.at[lane], group.weight[lane]) = (point.x, point.y, at, 1.0);
        self.count += 1;
    }

    fn groups(&self) -> &[SampleGroup] {
        &self.groups[..self.count.div_ceil(LANES)]
    }

    /// The largest distance from a curve, and the sum of all squared distances.
    fn distances(&self, curve: &[Point; 4]) -> (f64, f64) {
        let (mut max, mut squares) = ([0.0_f64; LANES], [0.0_f64; LANES]);
        for group in self.groups() {
            for lane in 0..LANES {
                let on = on_curve(curve, group.at[lane]);
                let (x, y) = (on.x - group.x[lane], on.y - group.y[lane]);
                let square = (x * x + y * y) * group.weight[lane];
                max[lane] = if square > max[lane] { square } else { max[lane] };
                squares[lane] += square;
            }
        }
        (max.into_iter().fold(0.0, f64::max).sqrt(), squares.iter().sum())
    }

    /// The lengths of the handles by least squares, within the bounds for a part of this length; `None` if both handles and
    /// the chord are in line, so that the part is straight.
    fn handles(&self, start: CurveEnd, end: CurveEnd, length: f64) -> Option<(f64, f64)> {
        let NormalEquations { aa, ab, bb, ar, br } = self.normal_equations(start, end);
        if aa <= 0.0 || bb <= 0.0 {
            return None;
        }
        let determinant = aa * bb - ab * ab;
        let is_solvable = determinant > 1e-9 * aa * bb;
        if !is_solvable {
            return None;
        }
        let (min, max) = (HANDLE_SHARES.0 * length, HANDLE_SHARES.1 * length);
        let bounded = |value: f64| value.clamp(min, max);
        let (first, second) = ((ar * bb - br * ab) / determinant, (aa * br - ab * ar) / determinant);
        if first == bounded(first) && second == bounded(second) {
            return Some((first, second));
        }
        // One handle is at a bound and the other is solved for again. The better of the two results counts.
        let with_first = |first: f64| (first, bounded((br - ab * first) / bb));
        let with_second = |second: f64| (bounded((ar - ab * second) / aa), second);
        let error = |(a, b): (f64, f64)| a * a * aa + 2.0 * a * b * ab + b * b * bb - 2.0 * (a * ar + b * br);
        let (one, other) = (with_first(bounded(first)), with_second(bounded(second)));
        Some(if error(one) <= error(other) { one } else { other })
    }

    fn normal_equations(&self, start: CurveEnd, end: CurveEnd) -> NormalEquations {
        let cosine = start.towards.x * end.towards.x + start.towards.y * end.towards.y;
        let (mut aa, mut ab, mut bb) = ([0.0_f64; LANES], [0.0_f64; LANES], [0.0_f64; LANES]);
        let (mut ar, mut br) = ([0.0_f64; LANES], [0.0_f64; LANES]);
        for group in self.groups() {
            for lane in 0..LANES {
                let (u, v) = (group.at[lane], 1.0 - group.at[lane]);
                let (first, second) = (3.0 * v * v * u, 3.0 * v * u * u);
                let (near, far) = (v * v * v + first, second + u * u * u);
                let x = group.x[lane] - near * start.at.x - far * end.at.x;
                let y = group.y[lane] - near * start.at.y - far * end.at.y;
                let weight = group.weight[lane];
                let (first, second) = (weight * first, weight * second);
                aa[lane] += first * first;
                ab[lane] += first * second;
                bb[lane] += second * second;
                ar[lane] += first * (x * start.towards.x + y * start.towards.y);
                br[lane] += second * (x * end.towards.x + y * end.towards.y);
            }
        }
        let [aa, ab, bb, ar, br] = [aa, ab, bb, ar, br].map(|sum| sum.iter().sum::<f64>());
        NormalEquations { aa, ab: ab * cosine, bb, ar, br }
    }

    /// Moves the parameter of every sample by one step of Newton's method.
    fn improve(&mut self, curve: &[Point; 4]) {
        let derivatives = Derivatives::of(curve);
        for group in &mut self.groups[..self.count.div_ceil(LANES)] {
            for lane in 0..LANES {
                group.at[lane] = derivatives.newton_step(curve, (group.x[lane], group.y[lane]), group.at[lane]);
            }
        }
    }
}

/// The normal equations of the two handle lengths: the symmetric matrix (aa, ab; ab, bb) and the right side (ar, br).
struct NormalEquations {
    aa: f64,
    ab: f64,
    bb: f64,
    ar: f64,
    br: f64,
}

/// The control points of a curve's first and second derivatives, without their constant factors.
struct Derivatives {
    first: [Point; 3],
    second: [Point; 2],
}

impl Derivatives {
    fn of(curve: &[Point; 4]) -> Self {
        let difference = |a: Point, b: Point| Point { x: b.x - a.x, y: b.y - a.y };
        let first = [difference(curve[0], curve[1]), difference(curve[1], curve[2]), difference(curve[2], curve[3])];
        Self { first, second: [difference(first[0], first[1]), difference(first[1], first[2])] }
    }

    /// The parameter after one step of Newton's method towards the curve's closest point to (x, y).
    #[inline(always)]
    fn newton_step(&self, curve: &[Point; 4], (x, y): (f64, f64), u: f64) -> f64 {
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

/// [`f64::clamp`] without the check of its bounds, which would prevent vector instructions.
#[inline(always)]
fn clamped(value: f64, min: f64, max: f64) -> f64 {
    let value = if value < min { min } else { value };
    if value > max { max } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovers_a_curve_from_its_samples() {
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
        let start = CurveEnd { at: curve[0], towards: unit(curve[0], curve[1]) };
        let end = CurveEnd { at: curve[3], towards: unit(curve[3], curve[2]) };
        let fit = fit_curve(&samples, length, start, end, [1, 1]);
        assert!(fit.max_distance < 0.1, "{fit:?}");
        assert!(distance(fit.curve[1], curve[1]) < 2.0, "{fit:?}");
    }

    #[test]
    fn fits_finite_curves_to_degenerate_samples() {
        let end = CurveEnd { at: Point { x: 1.0, y: 1.0 }, towards: Point { x: 1.0, y: 0.0 } };
        for count in 0..4 {
            let samples = vec![end.at; count];
            let fit = fit_curve(&samples, 0.0, end, end, [1, 1]);
            assert!(fit.curve.iter().all(|point| point.x.is_finite() && point.y.is_finite()));
        }
    }
}
