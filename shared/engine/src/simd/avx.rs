//! x86-64 vector instructions: AVX-512 and AVX2.
//!
//! An [`Avx512`] or [`Avx2`] value proves that the processor has the instructions: its field is private, and only the
//! two functions here make one, in code that runs only where the instructions exist. That makes every operation safe to
//! call.

#![expect(unsafe_code, reason = "vector instructions; each block states why it is sound")]

use std::arch::x86_64::*;

use super::vector::{Kernel, LANES, Lane, Simd};

/// Runs a kernel with AVX-512.
///
/// # Safety
/// A caller that is compiled without these features must have checked that this processor has them.
#[target_feature(enable = "avx512f,avx2,fma,f16c")]
pub(super) fn on_avx512(kernel: impl Kernel) {
    kernel.run(Avx512(()));
}

/// Runs a kernel with AVX2.
///
/// # Safety
/// A caller that is compiled without these features must have checked that this processor has them.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn on_avx2(kernel: impl Kernel) {
    kernel.run(Avx2(()));
}

/// Sixteen numbers in one register of 512 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

/// Sixteen numbers in two registers of 256 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Simd for Avx512 {
    type V = __m512;

    const COLUMNS: usize = 4;

    #[inline(always)]
    fn zero(self) -> Self::V {
        // SAFETY: `self` proves that the processor has AVX-512 F; the same holds for this whole implementation.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &Lane) -> Self::V {
        // SAFETY: see `zero`; a lane is 64 bytes, aligned to 64.
        unsafe { _mm512_load_ps(from.0.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, value: Self::V, to: &mut Lane) {
        // SAFETY: see `zero`; a lane is 64 bytes, aligned to 64.
        unsafe { _mm512_store_ps(to.0.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn load_half(self, from: &[u16; LANES]) -> Self::V {
        // SAFETY: see `zero`; the source is 32 bytes, and the load needs no alignment.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
}

impl Simd for Avx2 {
    type V = [__m256; 2];

    const COLUMNS: usize = 1;

    #[inline(always)]
    fn zero(self) -> Self::V {
        // SAFETY: `self` proves that the processor has AVX2, FMA and F16C; the same holds for this whole
        // implementation.
        unsafe { [_mm256_setzero_ps(); 2] }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, from: &Lane) -> Self::V {
        let halves = from.0.as_chunks::<8>().0;
        // SAFETY: see `zero`; each half is 32 bytes, aligned to 32 as half of a lane.
        unsafe { [_mm256_load_ps(halves[0].as_ptr()), _mm256_load_ps(halves[1].as_ptr())] }
    }

    #[inline(always)]
    fn store(self, value: Self::V, to: &mut Lane) {
        let halves = to.0.as_chunks_mut::<8>().0;
        for (half, value) in halves.iter_mut().zip(value) {
            // SAFETY: see `zero`; each half is 32 bytes, aligned to 32 as half of a lane.
            unsafe { _mm256_store_ps(half.as_mut_ptr(), value) }
        }
    }

    #[inline(always)]
    fn load_half(self, from: &[u16; LANES]) -> Self::V {
        let halves = from.as_chunks::<8>().0;
        // SAFETY: see `zero`; each half is 16 bytes, and the load needs no alignment.
        unsafe {
            [
                _mm256_cvtph_ps(_mm_loadu_si128(halves[0].as_ptr().cast())),
                _mm256_cvtph_ps(_mm_loadu_si128(halves[1].as_ptr().cast())),
            ]
        }
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }
}
