//! The operators of the networks, each on one thread and written once for all instructions.
//!
//! A map of C channels is C/16 blocks, one after another, and a block is its pixels, row by row, each a
//! [`Lane`](crate::simd::Lane) of sixteen channels ("NCHW16c"). A map whose channels are no multiple of sixteen (the
//! picture itself, and the mattes) is *planar*: its channels one after another, each row by row.

pub(crate) mod direct;
pub(crate) mod plain;
pub(crate) mod winograd;

use crate::simd::{Lane, Simd};

/// Sixteen channels of a map, or of some of its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) lanes: &'a [Lane],
    pub(crate) width: usize,
    /// Of the whole map.
    pub(crate) height: usize,
    /// The first row that is there.
    pub(crate) first: usize,
}

impl View<'_> {
    /// Six rows of six pixels at a distance of `step`, the first one `step` before a place in both directions; zeros
    /// outside of the map.
    fn patch(&self, y: usize, x: usize, step: usize, to: &mut [Lane; 36]) {
        for (row, to) in to.chunks_exact_mut(6).enumerate() {
            let y = (y + row * step).checked_sub(step).filter(|y| *y < self.height);
            for (column, to) in to.iter_mut().enumerate() {
                let x = (x + column * step).checked_sub(step).filter(|x| *x < self.width);
                *to = y.zip(x).map_or(Lane::ZERO, |(y, x)| self.lanes[(y - self.first) * self.width + x]);
            }
        }
    }
}

/// What is done to the sums of a convolution before they are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    pub(crate) bias: &'a Lane,
    /// Whether what is below 0 becomes 0.
    pub(crate) relu: bool,
    /// What is added after that: a block as large as the output.
    pub(crate) add: Option<&'a [Lane]>,
}

impl Epilogue<'_> {
    /// `value` has the bias already.
    #[inline(always)]
    fn apply<S: Simd>(&self, s: S, value: S::V, at: usize) -> S::V {
        let value = if self.relu { s.max(value, s.zero()) } else { value };
        match self.add {
            Some(add) => s.add(value, s.load(&add[at])),
            None => value,
        }
    }
}
