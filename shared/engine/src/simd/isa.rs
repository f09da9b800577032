//! Which instructions kernels run with, and the one place where that is decided.

#[cfg(target_arch = "x86_64")]
use super::avx::{self, Avx2, Avx512};
use super::portable::Portable;
use super::vector::{Kernel, Simd};

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// The baseline of the target: SSE2 on x86-64, NEON on AArch64.
    Portable,
    /// AVX2, FMA and F16C: x86-64 servers since 2013.
    Avx2,
    /// AVX-512 F and all of [`Isa::Avx2`]: Intel's servers since 2017, AMD's since 2022.
    Avx512,
}

impl Isa {
    /// All instruction sets, the slowest first.
    pub(crate) const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The fastest one that this processor has.
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// Whether this processor has it.
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

    /// Its name: `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// How many blocks of sixteen output channels a matrix product computes at a time ([`Simd::COLUMNS`]).
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

    /// Runs a kernel with these instructions, or with [`Isa::Portable`] where the processor lacks them.
    #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "dispatch to code compiled for other processors"))]
    pub(crate) fn run(self, kernel: impl Kernel) {
        #[cfg(target_arch = "x86_64")]
        if self.is_available() {
            match self {
                // SAFETY: `is_available` has just found the features that the function is compiled with.
                Self::Avx512 => return unsafe { avx::on_avx512(kernel) },
                // SAFETY: as above.
                Self::Avx2 => return unsafe { avx::on_avx2(kernel) },
                Self::Portable => {}
            }
        }
        kernel.run(Portable);
    }
}
