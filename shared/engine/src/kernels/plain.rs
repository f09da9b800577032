//! The operators between the convolutions.

use crate::simd::{Kernel, Lane, Simd};

/// Computes a row of the maximum of 2 × 2 pixels. Windows that reach beyond the input are cut off.
pub(crate) struct MaxPool<'a> {
    /// One or two rows of the input.
    pub(crate) rows: &'a [Lane],
    /// The width of the input.
    pub(crate) width: usize,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for MaxPool<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (upper, lower) = self.rows.split_at(self.width);
        let lower = if lower.is_empty() { upper } else { lower };
        for ((upper, lower), out) in upper.chunks(2).zip(lower.chunks(2)).zip(self.out) {
            let (left, right) = (s.max(s.load(&upper[0]), s.load(&lower[0])), upper.len() - 1);
            let right = s.max(s.load(&upper[right]), s.load(&lower[right]));
            s.store(s.max(left, right), out);
        }
    }
}

/// The two input pixels along an axis that an output pixel lies between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interpolation {
    pub(crate) first: u32,
    pub(crate) second: u32,
    /// The weight of the second, from 0 to 1; the first has the rest.
    pub(crate) fraction: f32,
}

/// Interpolates `to` pixels from `from` along an axis. A single output pixel samples the middle, as in ONNX's
/// `half_pixel`, or the first input pixel, as in `pytorch_half_pixel`.
pub(crate) fn interpolate_axis(from: usize, to: usize, first_if_single: bool) -> Vec<Interpolation> {
    let scale = from as f32 / to as f32;
    let coordinate = |at: usize| match to {
        1 if first_if_single => 0.0,
        _ => ((at as f32 + 0.5) * scale - 0.5).max(0.0),
    };
    let last = from - 1;
    (0..to)
        .map(|at| {
            let coordinate = coordinate(at);
            let first = (coordinate as usize).min(last);
            let second = (first + 1).min(last);
            Interpolation { first: first as u32, second: second as u32, fraction: coordinate - first as f32 }
        })
        .collect()
}

/// Computes a row of a bilinear resize.
pub(crate) struct Resize<'a> {
    /// The two rows of the input that the row lies between.
    pub(crate) upper: &'a [Lane],
    pub(crate) lower: &'a [Lane],
    /// The weight of the lower row.
    pub(crate) fraction: f32,
    pub(crate) columns: &'a [Interpolation],
    /// Scratch, as long as a row of the input.
    pub(crate) mixed: &'a mut [Lane],
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for Resize<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let fraction = s.splat(self.fraction);
        for ((upper, lower), mixed) in self.upper.iter().zip(self.lower).zip(&mut *self.mixed) {
            s.store(mix(s, s.load(upper), s.load(lower), fraction), mixed);
        }
        for (column, out) in self.columns.iter().zip(self.out) {
            let (first, second) = (&self.mixed[column.first as usize], &self.mixed[column.second as usize]);
            s.store(mix(s, s.load(first), s.load(second), s.splat(column.fraction)), out);
        }
    }
}

/// `from + (to - from) * fraction`.
#[inline(always)]
fn mix<S: Simd>(s: S, from: S::V, to: S::V, fraction: S::V) -> S::V {
    s.mul_add(s.sub(to, from), fraction, from)
}

/// Computes a row of a bilinear resize of a planar map. The fields are those of [`Resize`].
pub(crate) struct ResizePlanar<'a> {
    pub(crate) upper: &'a [f32],
    pub(crate) lower: &'a [f32],
    pub(crate) fraction: f32,
    pub(crate) columns: &'a [Interpolation],
    pub(crate) mixed: &'a mut [f32],
    pub(crate) out: &'a mut [f32],
}

impl Kernel for ResizePlanar<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((upper, lower), mixed) in self.upper.iter().zip(self.lower).zip(&mut *self.mixed) {
            *mixed = upper + (lower - upper) * self.fraction;
        }
        for (column, out) in self.columns.iter().zip(self.out) {
            let (first, second) = (self.mixed[column.first as usize], self.mixed[column.second as usize]);
            *out = first + (second - first) * column.fraction;
        }
    }
}

/// Adds two maps, or ranges of them.
pub(crate) struct Add<'a> {
    pub(crate) a: &'a [Lane],
    pub(crate) b: &'a [Lane],
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for ((a, b), out) in self.a.iter().zip(self.b).zip(self.out) {
            s.store(s.add(s.load(a), s.load(b)), out);
        }
    }
}

/// Computes 1 / (1 + e^-x) of a planar map, or a range of it. The output lies from 0 to 1.
pub(crate) struct Sigmoid<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Sigmoid<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (value, out) in self.input.iter().zip(self.out) {
            *out = 1.0 / (1.0 + exp(-value));
        }
    }
}

/// e^x to within 3 units of the last place, in a form that compilers vectorize. `x` is clamped to ±87, so the result is
/// always finite. It is reduced to a power of two and a rest of at most ln 2 / 2, whose series stops after the seventh
/// power.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding this rounds to an integer, which then lies in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first of which has few significant bits (W. Cody and W. Waite, 1980).
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let x = x.clamp(-87.0, 87.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    let rest = (x - power * LN_2.0) - power * LN_2.1;
    let mut sum = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * rest + term;
    }
    // The bits of `rounded` count up with `power`; 127 is the exponent of 1.
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    sum * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_matches_the_standard_library() {
        for step in -8600..8600_i32 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 4e-7, "{x}");
        }
        assert!(exp(f32::INFINITY).is_finite() && exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn interpolates_with_half_pixel_centers() {
        let at = |first, second, fraction| Interpolation { first, second, fraction };
        assert_eq!(interpolate_axis(2, 4, false), [at(0, 1, 0.0), at(0, 1, 0.25), at(0, 1, 0.75), at(1, 1, 0.25)]);
        assert_eq!(interpolate_axis(3, 1, false), [at(1, 2, 0.0)]);
        assert_eq!(interpolate_axis(3, 1, true), [at(0, 1, 0.0)]);
        assert_eq!(interpolate_axis(1, 2, false), [at(0, 0, 0.0), at(0, 0, 0.25)]);
    }
}
