//! Sixteen numbers at a time, by whatever instructions the machine has.
//!
//! [`Simd`] is what the kernels are written in, once. Each kernel is made into machine code once for every
//! implementation, by [`Isa::run`], which is also where the choice is made: nothing is run that the machine does not
//! have, whatever machine the program was built on.
//!
//! A value of [`Avx512`] or [`Avx2`] is a proof that the machine has those instructions: it is made nowhere but in
//! [`Isa::run`], after they were found. With that, all operations are safe to call.

#![expect(unsafe_code, reason = "vector instructions; see SAFETY at each")]

use bytemuck::{Pod, Zeroable};

/// How many numbers are worked on at a time.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers in a line of cache.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Lane(pub(crate) [f32; LANES]);

impl Lane {
    /// Sixteen zeros.
    pub(crate) const ZERO: Self = Self([0.0; LANES]);
}

/// Arithmetic on sixteen numbers.
pub(crate) trait Simd: Copy + Send + Sync {
    /// Sixteen numbers, in registers.
    type V: Copy;

    /// How many blocks of sixteen output channels a matrix product makes at a time: 1, 2 or 4.
    const COLUMNS: usize;

    fn zero(self) -> Self::V;
    fn splat(self, value: f32) -> Self::V;
    fn load(self, from: &Lane) -> Self::V;
    fn store(self, value: Self::V, to: &mut Lane);
    /// Sixteen numbers of half precision, as they are stored.
    fn load_half(self, from: &[u16; LANES]) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the machine can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
}

/// A piece of work that can be done with any instructions.
pub(crate) trait Kernel {
    /// Has to be `#[inline(always)]`, with all that it calls: what is not inlined is made for the least machine.
    fn run<S: Simd>(self, simd: S);
}

/// The instructions that the kernels are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// What every machine of its kind has.
    Portable,
    /// AVX2, FMA and F16C: x86-64 servers since 2013.
    Avx2,
    /// AVX-512 F, with the above: Intel's servers since 2017, AMD's since 2022.
    Avx512,
}

impl Isa {
    /// Every one, the least first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The best one that this machine has.
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Its name, as in `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// How many blocks of output channels a matrix product makes at a time.
    pub(crate) fn columns(self) -> usize {
        match self {
            Self::Portable => Portable::COLUMNS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::COLUMNS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::COLUMNS,
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => Portable::COLUMNS,
        }
    }

    /// Does a piece of work; with less than this where the machine does not have it.
    pub(crate) fn run(self, kernel: impl Kernel) {
        #[cfg(target_arch = "x86_64")]
        if self.is_available() {
            match self {
                // SAFETY: the features that the function is made with were found just now.
                Self::Avx512 => return unsafe { on_avx512(kernel) },
                // SAFETY: as above.
                Self::Avx2 => return unsafe { on_avx2(kernel) },
                Self::Portable => {}
            }
        }
        kernel.run(Portable(()));
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma,f16c")]
fn on_avx512(kernel: impl Kernel) {
    kernel.run(Avx512(()));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn on_avx2(kernel: impl Kernel) {
    kernel.run(Avx2(()));
}

/// Plain Rust, in a form that compilers make vector instructions of. It is also the twin that the others are held
/// against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable(());

impl Portable {
    #[inline(always)]
    fn each(f: impl Fn(usize) -> f32) -> [f32; LANES] {
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
        Self::each(|at| half::f16::from_bits(from[at]).to_f32_const())
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        Self::each(|at| a[at] + b[at])
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        Self::each(|at| a[at] - b[at])
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        Self::each(|at| a[at] * b[at])
    }

    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        Self::each(|at| if a[at] > b[at] { a[at] } else { b[at] })
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Rounded twice on x86-64: without the instruction, rounding once is a call of a function for each number.
        if cfg!(target_arch = "aarch64") {
            Self::each(|at| a[at].mul_add(b[at], c[at]))
        } else {
            Self::each(|at| a[at] * b[at] + c[at])
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{LANES, Lane, Simd};

    /// One register of 512 bits.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx512(pub(super) ());

    /// Two registers of 256 bits.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx2(pub(super) ());

    impl Simd for Avx512 {
        type V = __m512;

        const COLUMNS: usize = 4;

        #[inline(always)]
        fn zero(self) -> Self::V {
            // SAFETY: `self` is the proof that the machine has AVX-512 F. So it is in all of this implementation.
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
            // SAFETY: see `zero`; there are 32 bytes, and they need not be aligned.
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
            // SAFETY: `self` is the proof that the machine has AVX2, FMA and F16C. So it is in all of this
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
            // SAFETY: see `zero`; each half is 16 bytes, and they need not be aligned.
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
}
