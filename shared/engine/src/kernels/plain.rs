//! What is done to maps between the convolutions.

use crate::simd::{Kernel, Lane, Simd};

/// The largest of 2 x 2 pixels, in a row of the output. Where the input ends with half of them, the half counts.
pub(crate) struct MaxPool<'a> {
    /// One or two rows of the input.
    pub(crate) rows: &'a [Lane],
    pub(crate) width: usize,
    pub(crate) made: &'a mut [Lane],
}

impl Kernel for MaxPool<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (upper, lower) = self.rows.split_at(self.width);
        let lower = if lower.is_empty() { upper } else { lower };
        for ((upper, lower), made) in upper.chunks(2).zip(lower.chunks(2)).zip(self.made) {
            let (left, right) = (s.max(s.load(&upper[0]), s.load(&lower[0])), upper.len() - 1);
            let right = s.max(s.load(&upper[right]), s.load(&lower[right]));
            s.store(s.max(left, right), made);
        }
    }
}

/// Between which two pixels along an axis a pixel of the output lies, and how near it is to the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Between {
    pub(crate) first: u32,
    pub(crate) second: u32,
    pub(crate) share: f32,
}

/// Where each of `to` pixels lies among `from`. `single` is where the one of an axis of one pixel is: with ONNX's
/// `half_pixel` in the middle, with `pytorch_half_pixel` at the first.
pub(crate) fn between(from: usize, to: usize, first_if_single: bool) -> Vec<Between> {
    let scale = from as f32 / to as f32;
    let place = |at: usize| match to {
        1 if first_if_single => 0.0,
        _ => ((at as f32 + 0.5) * scale - 0.5).max(0.0),
    };
    let last = from - 1;
    (0..to)
        .map(|at| {
            let place = place(at);
            let first = (place as usize).min(last);
            let second = (first + 1).min(last);
            Between { first: first as u32, second: second as u32, share: place - first as f32 }
        })
        .collect()
}

/// Bilinear, in a row of the output.
pub(crate) struct Resize<'a> {
    /// The two rows of the input that it lies between, and how near it is to the second.
    pub(crate) upper: &'a [Lane],
    pub(crate) lower: &'a [Lane],
    pub(crate) share: f32,
    pub(crate) columns: &'a [Between],
    /// As long as a row of the input.
    pub(crate) mixed: &'a mut [Lane],
    pub(crate) made: &'a mut [Lane],
}

impl Kernel for Resize<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let share = s.splat(self.share);
        for ((upper, lower), mixed) in self.upper.iter().zip(self.lower).zip(&mut *self.mixed) {
            s.store(mix(s, s.load(upper), s.load(lower), share), mixed);
        }
        for (column, made) in self.columns.iter().zip(self.made) {
            let (first, second) = (&self.mixed[column.first as usize], &self.mixed[column.second as usize]);
            s.store(mix(s, s.load(first), s.load(second), s.splat(column.share)), made);
        }
    }
}

/// From one to the other, by a share of the way.
#[inline(always)]
fn mix<S: Simd>(s: S, from: S::V, to: S::V, share: S::V) -> S::V {
    s.mul_add(s.sub(to, from), share, from)
}

/// The same of a planar map.
pub(crate) struct ResizePlanar<'a> {
    pub(crate) upper: &'a [f32],
    pub(crate) lower: &'a [f32],
    pub(crate) share: f32,
    pub(crate) columns: &'a [Between],
    pub(crate) mixed: &'a mut [f32],
    pub(crate) made: &'a mut [f32],
}

impl Kernel for ResizePlanar<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((upper, lower), mixed) in self.upper.iter().zip(self.lower).zip(&mut *self.mixed) {
            *mixed = upper + (lower - upper) * self.share;
        }
        for (column, made) in self.columns.iter().zip(self.made) {
            let (first, second) = (self.mixed[column.first as usize], self.mixed[column.second as usize]);
            *made = first + (second - first) * column.share;
        }
    }
}

/// The sum of two maps, or parts of maps.
pub(crate) struct Add<'a> {
    pub(crate) a: &'a [Lane],
    pub(crate) b: &'a [Lane],
    pub(crate) made: &'a mut [Lane],
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for ((a, b), made) in self.a.iter().zip(self.b).zip(self.made) {
            s.store(s.add(s.load(a), s.load(b)), made);
        }
    }
}

/// 1 / (1 + e^-x).
pub(crate) struct Sigmoid<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) made: &'a mut [f32],
}

impl Kernel for Sigmoid<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (value, made) in self.input.iter().zip(self.made) {
            *made = 1.0 / (1.0 + exp(-value));
        }
    }
}

/// e^x to within 3 units of the last place, in a form that vector instructions are made of; 0 and 2^127 are the least
/// and the most. Reduced to a power of two and a rest of at most ln 2 / 2, for which the series is broken off after
/// the seventh term.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first of which is exact in few bits (W. Cody and W. Waite, 1980).
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let x = x.clamp(-87.0, 87.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    let rest = (x - power * LN_2.0) - power * LN_2.1;
    let mut sum = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * rest + term;
    }
    // The bits of `rounded` count up with `power`; the exponent of 1 is 127.
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    sum * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_to_the_x_is_that_of_the_library() {
        for step in -8600..8600_i32 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 4e-7, "{x}");
        }
        assert!(exp(f32::INFINITY).is_finite() && exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn pixels_lie_between_others() {
        let at = |first, second, share| Between { first, second, share };
        assert_eq!(between(2, 4, false), [at(0, 1, 0.0), at(0, 1, 0.25), at(0, 1, 0.75), at(1, 1, 0.25)]);
        assert_eq!(between(3, 1, false), [at(1, 2, 0.0)]);
        assert_eq!(between(3, 1, true), [at(0, 1, 0.0)]);
        assert_eq!(between(1, 2, false), [at(0, 0, 0.0), at(0, 0, 0.25)]);
    }
}
