//! Sixteen numbers at a time, with whichever vector instructions the processor has.
//!
//! Kernels are written once, generic over [`Simd`]. [`Isa::run`] compiles each of them once for every instruction set
//! and picks one at run time, so a program built on one machine runs on any other of its architecture.

#[cfg(target_arch = "x86_64")]
mod avx;
mod isa;
mod portable;
mod vector;

pub use isa::Isa;
pub(crate) use vector::{Kernel, LANES, Lane, Simd};
