//! The operators, each for one thread, written once for all instruction sets.
//!
//! # Tensor layout
//!
//! A map of C channels, where C is a multiple of sixteen, is C/16 *blocks*, one after another. A block is its pixels,
//! row by row, each a [`Lane`] of sixteen channels ("NCHW16c"). A map whose channels do not fill blocks, such as the
//! picture and the mattes, is *planar*: its channels one after another, each row by row ("NCHW").
//!
//! Values are `f32` of any range. Padding is zero.
//!
//! # Inlining
//!
//! See [`Kernel::run`](crate::simd::Kernel::run) before changing a kernel: all code in it must be inlined.

pub(crate) mod direct;
pub(crate) mod plain;
pub(crate) mod winograd;

use crate::simd::{Lane, Simd};

/// A block of a map, or some of its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) lanes: &'a [Lane],
    pub(crate) width: usize,
    /// The height of the whole map.
    pub(crate) height: usize,
    /// The row of the map that `lanes` begins with.
    pub(crate) first_row: usize,
}

impl View<'_> {
    /// Copies six rows of six pixels at a distance of `step`. The first lies one `step` before `y` and `x`. Pixels outside
    /// of the map are zero.
    fn patch(&self, y: usize, x: usize, step: usize, to: &mut [Lane; 36]) {
        for (row, to) in to.chunks_exact_mut(6).enumerate() {
            let y = (y + row * step).checked_sub(step).filter(|y| *y < self.height);
            for (column, to) in to.iter_mut().enumerate() {
                let x = (x + column * step).checked_sub(step).filter(|x| *x < self.width);
                *to = y.zip(x).map_or(Lane::ZERO, |(y, x)| self.lanes[(y - self.first_row) * self.width + x]);
            }
        }
    }
}

/// The end of a convolution, applied to a block of sums before they are stored: `add + relu(sum + bias)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    pub(crate) bias: &'a Lane,
    pub(crate) relu: bool,
    /// A block of the output's size.
    pub(crate) add: Option<&'a [Lane]>,
}

impl Epilogue<'_> {
    /// Applies all but the bias, which `value` already has. `at` is the pixel in the block.
    #[inline(always)]
    fn apply<S: Simd>(&self, s: S, value: S::V, at: usize) -> S::V {
        let value = if self.relu { s.max(value, s.zero()) } else { value };
        match self.add {
            Some(add) => s.add(value, s.load(&add[at])),
            None => value,
        }
    }
}
