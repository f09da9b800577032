//! The small convolutions: from the picture, to a matte, and between mattes.

use super::{Epilogue, View};
use crate::simd::{Kernel, LANES, Lane, Simd};
use crate::weights::Weights;

/// Computes a row of a convolution from a planar map to blocks.
pub(crate) struct FromPlanar<'a, 'b> {
    /// The rows that the output row depends on: for each channel `size` rows, padded on both sides.
    pub(crate) input: &'a [f32],
    /// The length of a row of `input`: at least the stride times the output's width, plus `size`.
    pub(crate) row_length: usize,
    /// Rows and columns of the kernel.
    pub(crate) size: usize,
    pub(crate) stride: usize,
    /// Input channels.
    pub(crate) channels: usize,
    /// For each block of output channels: a vector for each input channel, row and column of the kernel.
    pub(crate) weights: &'a [Lane],
    pub(crate) epilogues: &'a [Epilogue<'a>],
    /// The row of the output.
    pub(crate) y: usize,
    /// That row in each block of the output.
    pub(crate) rows: &'a mut [&'b mut [Lane]],
}

/// Pixels that are computed at a time.
const PIXELS: usize = 6;

impl Kernel for FromPlanar<'_, '_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let mut block = 0;
        while block < self.rows.len() {
            let left = self.rows.len() - block;
            let columns = S::COLUMNS.min(left);
            match columns {
                4 => self.blocks::<S, 4>(s, block),
                2 | 3 => self.blocks::<S, 2>(s, block),
                _ => self.blocks::<S, 1>(s, block),
            }
            block += match columns {
                4 => 4,
                2 | 3 => 2,
                _ => 1,
            };
        }
    }
}

impl FromPlanar<'_, '_> {
    #[inline(always)]
    fn blocks<S: Simd, const BLOCKS: usize>(&mut self, s: S, block: usize) {
        let width = self.rows[block].len();
        let mut x = 0;
        while x + PIXELS <= width {
            self.pixels::<S, PIXELS, BLOCKS>(s, block, x);
            x += PIXELS;
        }
        while x < width {
            self.pixels::<S, 1, BLOCKS>(s, block, x);
            x += 1;
        }
    }

    #[inline(always)]
    fn pixels<S: Simd, const COUNT: usize, const BLOCKS: usize>(&mut self, s: S, block: usize, x: usize) {
        let taps = self.channels * self.size * self.size;
        let mut sums = [[s.zero(); BLOCKS]; COUNT];
        for (number, epilogue) in self.epilogues[block..block + BLOCKS].iter().enumerate() {
            for sums in &mut sums {
                sums[number] = s.load(epilogue.bias);
            }
        }
        for row in 0..self.channels * self.size {
            let input = &self.input[row * self.row_length..][..self.row_length];
            for column in 0..self.size {
                let tap = row * self.size + column;
                let mut weights = [s.zero(); BLOCKS];
                for (number, weights) in weights.iter_mut().enumerate() {
                    *weights = s.load(&self.weights[(block + number) * taps + tap]);
                }
                for (pixel, sums) in sums.iter_mut().enumerate() {
                    let value = s.splat(input[(x + pixel) * self.stride + column]);
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = s.mul_add(value, weights, *sum);
                    }
                }
            }
        }
        for (pixel, sums) in sums.into_iter().enumerate() {
            for (number, sum) in sums.into_iter().enumerate() {
                let row = &mut self.rows[block + number];
                let at = self.y * row.len() + x + pixel;
                let value = self.epilogues[block + number].apply(s, sum, at);
                s.store(value, &mut row[x + pixel]);
            }
        }
    }
}

/// Computes a row of one output channel of a convolution from blocks to a planar map. The map keeps its size.
pub(crate) struct ToPlanar<'a> {
    pub(crate) blocks: &'a [View<'a>],
    /// Rows and columns of the kernel; odd.
    pub(crate) size: usize,
    pub(crate) dilation: usize,
    /// A vector for each block of the input, row and column of the kernel.
    pub(crate) weights: &'a [Lane],
    pub(crate) bias: f32,
    pub(crate) relu: bool,
    /// The row of the output.
    pub(crate) y: usize,
    /// Scratch, as long as the row.
    pub(crate) sums: &'a mut [Lane],
    pub(crate) row: &'a mut [f32],
}

impl Kernel for ToPlanar<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.sums.fill(Lane::ZERO);
        let margin = self.size / 2 * self.dilation;
        for (block, weights) in self.blocks.iter().zip(self.weights.chunks_exact(self.size * self.size)) {
            for (row, weights) in weights.chunks_exact(self.size).enumerate() {
                let Some(y) = (self.y + row * self.dilation).checked_sub(margin).filter(|y| *y < block.height) else {
                    continue;
                };
                let input = &block.lanes[y * block.width..][..block.width];
                for (column, weight) in weights.iter().enumerate() {
                    let weight = s.load(weight);
                    // The input column of the first output, or, if negative, the output column of the first input.
                    let shift = (column * self.dilation) as isize - margin as isize;
                    let from = input.get(shift.max(0) as usize..).unwrap_or_default();
                    let to = self.sums.get_mut((-shift).max(0) as usize..).unwrap_or_default();
                    for (from, to) in from.iter().zip(to) {
                        let sum = s.mul_add(s.load(from), weight, s.load(to));
                        s.store(sum, to);
                    }
                }
            }
        }
        for (sums, value) in self.sums.iter().zip(self.row) {
            let mut parts = sums.0;
            let mut half = LANES / 2;
            while half > 0 {
                for at in 0..half {
                    parts[at] += parts[at + half];
                }
                half /= 2;
            }
            let sum = parts[0] + self.bias;
            *value = if self.relu { sum.max(0.0) } else { sum };
        }
    }
}

/// Computes a range of one output channel of a 1 × 1 convolution between planar maps.
pub(crate) struct Pointwise<'a> {
    /// The same range of each input channel.
    pub(crate) inputs: &'a [&'a [f32]],
    /// One for each input channel.
    pub(crate) weights: &'a [f32],
    pub(crate) bias: f32,
    pub(crate) relu: bool,
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Pointwise<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.out.fill(self.bias);
        for (input, weight) in self.inputs.iter().zip(self.weights) {
            for (out, value) in self.out.iter_mut().zip(*input) {
                *out += value * weight;
            }
        }
        if self.relu {
            for out in self.out {
                *out = out.max(0.0);
            }
        }
    }
}

/// Widens weights to single precision.
pub(crate) struct Widen<'a> {
    pub(crate) weights: Weights<'a>,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for Widen<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.weights {
            Weights::Single(all) => self.out.copy_from_slice(all),
            Weights::Half(all) => {
                for (out, half) in self.out.iter_mut().zip(all) {
                    s.store(s.load_half(half), out);
                }
            }
        }
    }
}
