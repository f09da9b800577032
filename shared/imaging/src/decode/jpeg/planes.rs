//! From coefficients to the samples of all components, at the size of the image.

use std::slice::ChunksExactMut;

use rayon::prelude::*;

use super::header::{Coefficients, Component, Frame};
use super::idct::{Block, SIDE, transform};
use super::upsample;
use crate::error::Error;

/// The samples of a block without coefficients.
const GRAY: u8 = 128;

/// The samples of a component.
pub(super) struct Plane {
    samples: Vec<u8>,
    /// Samples per row, with those that only fill up blocks.
    stride: usize,
    /// Width and height in samples.
    size: (usize, usize),
    /// Pixels per sample in each direction.
    expansion: (usize, usize),
}

impl Plane {
    /// Transforms the coefficients of a component.
    pub(super) fn new(frame: &Frame, component: &Component, blocks: Coefficients) -> Result<Self, Error> {
        let mut plane = Self::gray(frame, component);
        let (across, quantization) = (frame.blocks(component).0, component.quantization()?);
        let rows = plane.samples.par_chunks_exact_mut(plane.stride * SIDE);
        rows.zip(blocks.par_chunks_exact(across)).for_each(|(rows, blocks)| {
            transform_rows(blocks, across, quantization, rows);
        });
        Ok(plane)
    }

    /// A gray plane for a component.
    pub(super) fn gray(frame: &Frame, component: &Component) -> Self {
        let (across, down) = frame.blocks(component);
        let stride = across * SIDE;
        let expansion = (frame.sampling.0 / component.sampling.0, frame.sampling.1 / component.sampling.1);
        Self { samples: vec![GRAY; stride * down * SIDE], stride, size: frame.samples(component), expansion }
    }

    /// The samples of each row of MCUs.
    pub(super) fn mcu_rows_mut(&mut self, component: &Component) -> ChunksExactMut<'_, u8> {
        self.samples.chunks_exact_mut(self.stride * SIDE * component.sampling.1)
    }

    /// Writes row `y` of the image, at its full width.
    pub(super) fn read_row(&self, y: usize, row: &mut [u8]) {
        let (near, far) = upsample::source_rows(y, self.expansion.1, self.size.1);
        let line = |at: usize| &self.samples[at * self.stride..][..self.size.0];
        upsample::expand(line(near), line(far), y, self.expansion, row);
    }
}

/// Transforms rows of blocks, each with `across` of them, into their samples.
pub(super) fn transform_rows(blocks: &[Block], across: usize, quantization: &[u16; SIDE * SIDE], samples: &mut [u8]) {
    let stride = across * SIDE;
    for (blocks, rows) in blocks.chunks_exact(across).zip(samples.chunks_exact_mut(stride * SIDE)) {
        for (column, block) in blocks.iter().enumerate() {
            transform(block, quantization, &mut rows[column * SIDE..], stride);
        }
    }
}
