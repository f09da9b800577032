//! The vectors that kernels compute with, sixteen numbers each, and the trait of kernels.

use std::alloc::{Layout, handle_alloc_error};

use bytemuck::{Pod, Zeroable};

/// Numbers in a vector.
pub(crate) const LANES: usize = 16;

/// Sixteen `f32` values in one cache line: 64 bytes, aligned to 64.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Lane(pub(crate) [f32; LANES]);

impl Lane {
    /// Sixteen zeros.
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// `count` vectors of zeros, in pages that the system fills when they are first touched. Without memory for them it ends
    /// the process as every allocation of the standard library does, with the words by which its parent knows the cause.
    pub(crate) fn zeroed(count: usize) -> Vec<Self> {
        bytemuck::try_zeroed_vec(count).unwrap_or_else(|()| handle_alloc_error(layout(count)))
    }
}

/// The layout of `count` vectors, cut to the longest there is.
fn layout(count: usize) -> Layout {
    let longest = isize::MAX.unsigned_abs() / size_of::<Lane>();
    Layout::array::<Lane>(count.min(longest)).unwrap_or(Layout::new::<Lane>())
}

/// Arithmetic on sixteen numbers. Kernels are generic over it.
pub(crate) trait Simd: Copy + Send + Sync {
    /// Sixteen numbers in registers.
    type V: Copy;

    /// How many blocks of sixteen output channels a matrix product computes at a time: 1, 2 or 4, as many as the
    /// registers hold.
    const COLUMNS: usize;

    fn zero(self) -> Self::V;
    fn splat(self, value: f32) -> Self::V;
    fn load(self, from: &Lane) -> Self::V;
    fn store(self, value: Self::V, to: &mut Lane);
    /// Sixteen half-precision numbers, given as their bits.
    fn load_half(self, from: &[u16; LANES]) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
}

/// A computation, written once for all instruction sets. Runs on the calling thread.
pub(crate) trait Kernel {
    /// Computes the kernel's output.
    ///
    /// Mark it, and every function that it calls, `#[inline(always)]`, and write loops rather than closures. Only code
    /// that is inlined into the dispatch function is compiled with the instruction set's features; anything else is
    /// compiled for the baseline processor, and takes twice the time or more.
    fn run<S: Simd>(self, simd: S);
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::process::Command;

    use super::*;

    const CHILD: &str = "CUTLINE_ENGINE_TEST_LANES";

    /// Runs itself again: the allocation ends the process.
    #[test]
    fn names_an_allocation_that_failed() -> io::Result<()> {
        let counts = [isize::MAX.unsigned_abs() / size_of::<Lane>(), usize::MAX];
        if let Some(at) = std::env::var_os(CHILD) {
            let lanes = Lane::zeroed(counts[usize::from(at == "1")]);
            panic!("{} vectors", lanes.len());
        }
        for at in ["0", "1"] {
            let mut child = Command::new(std::env::current_exe()?);
            child.args(["--exact", "--nocapture", "simd::vector::tests::names_an_allocation_that_failed"]);
            let output = child.env(CHILD, at).output()?;
            let log = String::from_utf8_lossy(&output.stderr);
            assert!(log.lines().any(|line| line.starts_with("memory allocation of")), "{log}");
        }
        assert_eq!(Lane::zeroed(3), [Lane::ZERO; 3]);
        Ok(())
    }
}
