//! The portable implementation: plain Rust that compilers turn into vector instructions.
//!
//! It is also the oracle that tests compare the others with.

use super::vector::{LANES, Lane, Simd};

/// Sixteen numbers in an array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Portable {
    #[inline(always)]
    fn for_each_lane(f: impl Fn(usize) -> f32) -> [f32; LANES] {
        std::array::from_fn(f)
    }
}

impl Simd for Portable {
    type V = [f32; LANES];

    const COLUMNS: usize = 1;

    #[inline(always)]
    fn zero(self) -> Self::V {
        [0.0; LANES]
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &Lane) -> Self::V {
        from.0
    }

    #[inline(always)]
    fn store(self, value: Self::V, to: &mut Lane) {
        to.0 = value;
    }

    #[inline(always)]
    fn load_half(self, from: &[u16; LANES]) -> Self::V {
        Self::for_each_lane(|at| half::f16::from_bits(from[at]).to_f32_const())
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        Self::for_each_lane(|at| a[at] + b[at])
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        Self::for_each_lane(|at| a[at] - b[at])
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        Self::for_each_lane(|at| a[at] * b[at])
    }

    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        Self::for_each_lane(|at| if a[at] > b[at] { a[at] } else { b[at] })
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Rounds twice on x86-64: rounding once without FMA would take a function call for each number.
        if cfg!(target_arch = "aarch64") {
            Self::for_each_lane(|at| a[at].mul_add(b[at], c[at]))
        } else {
            Self::for_each_lane(|at| a[at] * b[at] + c[at])
        }
    }
}
