//! Runs the convolutions by tiles. See `kernels/winograd.rs` for the method.

use std::ops::Range;

use rayon::prelude::*;

use super::context::Context;
use super::memory::{StepBuffers, ThreadScratch};
use crate::kernels::plain::Resize;
use crate::kernels::winograd::{Multiply, TILE, TransformInput, TransformOutput, TransformWeights, points_len};
use crate::kernels::{Epilogue, View};
use crate::shape::Shape;
use crate::simd::{LANES, Lane};
use crate::step::{ChannelGroup, Resampling, WinogradStep, WorkSplit};

/// Input channels whose weights a thread transforms at a time, where threads share the output channels.
const INPUTS_TOGETHER: usize = 128;

/// A convolution, with all that its threads read.
struct TiledConv<'a> {
    context: &'a Context<'a>,
    step: &'a WinogradStep,
    /// The blocks of the input; those of a resized map before the resize.
    blocks: Vec<View<'a>>,
    /// How each block is resized, if it is.
    resamplings: Vec<Option<&'a Resampling>>,
    epilogues: Vec<Epilogue<'a>>,
    /// The shape of the output.
    shape: Shape,
}

pub(super) fn run<'a>(context: &'a Context<'a>, step: &'a WinogradStep, buffers: StepBuffers<'a>) {
    let StepBuffers { out, scratch, inputs } = buffers;
    let (mut blocks, mut resamplings) = (Vec::new(), Vec::new());
    for source in &step.sources {
        blocks.extend(context.blocks(source.map, &inputs));
        resamplings.resize(blocks.len(), source.resampling.as_ref());
    }
    let epilogues = context.epilogues(&step.conv, &inputs);
    let conv = TiledConv { context, step, blocks, resamplings, epilogues, shape: context.shape(step.conv.to) };
    match step.split {
        WorkSplit::OutputChannels => conv.split_channels(scratch, out),
        WorkSplit::Tiles { rows, together } => conv.split_tiles(rows, together, scratch, out),
    }
}

impl TiledConv<'_> {
    /// Threads share the output channels. `input` is scratch for the transformed input.
    fn split_channels(&self, input: &mut [Lane], out: &mut [Lane]) {
        let tiles = &self.step.tiles;
        input.par_chunks_exact_mut(points_len(tiles.len())).zip(&self.blocks).for_each(|(out, block)| {
            let blocks = std::slice::from_ref(block);
            self.context.isa.run(TransformInput { blocks, tiles, dilation: self.dilation(), out });
        });
        let input = &*input;
        let outputs = split_by(&self.step.groups, out, |group| group.blocks * self.shape.pixels());
        outputs.into_par_iter().for_each_init(
            || ThreadScratch::new(self.context.spare),
            |scratch, (group, out)| self.compute_channels(group, input, out, scratch),
        );
    }

    /// Computes a group of output channels.
    fn compute_channels(&self, group: ChannelGroup, input: &[Lane], out: &mut [Lane], scratch: &mut ThreadScratch<'_>) {
        let ChannelGroup { first_block, blocks: columns } = group;
        let tiles = self.step.tiles.len();
        let inputs = self.input_channels();
        let together = inputs.min(INPUTS_TOGETHER);
        let [transformed, products, _] = scratch.slices(points_len(together * columns), points_len(tiles * columns), 0);
        for first in (0..inputs).step_by(INPUTS_TOGETHER) {
            let range = first..(first + INPUTS_TOGETHER).min(inputs);
            let weights = &mut transformed[..points_len(range.len() * columns)];
            self.transform_weights(group, range.clone(), weights);
            let block_len = points_len(tiles);
            self.context.isa.run(Multiply {
                input: &input[range.start / LANES * block_len..range.end / LANES * block_len],
                tiles,
                weights,
                columns,
                add: first > 0,
                out: products,
            });
        }
        let shape = Shape { channels: columns * LANES, ..self.shape };
        for band in &mut bands(self.step, shape, out, self.step.rows.len()) {
            self.context.isa.run(TransformOutput {
                products,
                tiles: &self.step.tiles,
                dilation: self.dilation(),
                columns,
                epilogues: &self.epilogues[first_block..first_block + columns],
                first: band.first,
                rows: &mut band.rows,
            });
        }
    }

    /// Threads share the tiles, in bands of `rows` rows of tiles. `weights` is scratch for the transformed weights.
    fn split_tiles(&self, rows: usize, together: usize, weights: &mut [Lane], out: &mut [Lane]) {
        let inputs = self.input_channels();
        let groups = split_by(&self.step.groups, weights, |group| points_len(inputs * group.blocks));
        let groups: Vec<_> = groups
            .into_par_iter()
            .map(|(group, weights)| {
                self.transform_weights(group, 0..inputs, weights);
                (group, &*weights)
            })
            .collect();
        bands(self.step, self.shape, out, rows).into_par_iter().for_each_init(
            || ThreadScratch::new(self.context.spare),
            |scratch, band| self.compute_band(&groups, together, band, scratch),
        );
    }

    /// Computes all output channels of a band, `together` tiles at a time.
    fn compute_band(
        &self,
        groups: &[(ChannelGroup, &[Lane])],
        together: usize,
        mut band: Band<'_>,
        scratch: &mut ThreadScratch<'_>,
    ) {
        let max_tiles = together.min(band.tiles.len());
        let max_columns = groups.iter().map(|(group, _)| group.blocks).max().unwrap_or(1);
        let rows = self.input_rows(&band);
        let [input, products, resized] = scratch.slices(
            self.blocks.len() * points_len(max_tiles),
            points_len(max_tiles * max_columns),
            self.resized_len(rows.len()),
        );
        let blocks = self.resize(rows, resized);
        for tiles in self.step.tiles[band.tiles.clone()].chunks(together) {
            let input = &mut input[..blocks.len() * points_len(tiles.len())];
            self.context.isa.run(TransformInput { blocks: &blocks, tiles, dilation: self.dilation(), out: input });
            for (group, weights) in groups {
                let columns = group.blocks;
                let products = &mut products[..points_len(tiles.len() * columns)];
                let range = group.first_block..group.first_block + columns;
                let product = Multiply { input, tiles: tiles.len(), weights, columns, add: false, out: products };
                self.context.isa.run(product);
                self.context.isa.run(TransformOutput {
                    products,
                    tiles,
                    dilation: self.dilation(),
                    columns,
                    epilogues: &self.epilogues[range.clone()],
                    first: band.first,
                    rows: &mut band.rows[range],
                });
            }
        }
    }

    fn transform_weights(&self, group: ChannelGroup, inputs: Range<usize>, out: &mut [Lane]) {
        self.context.isa.run(TransformWeights {
            weights: self.context.network.weights().weights(&self.step.conv.weights),
            all_inputs: self.input_channels(),
            inputs,
            block: group.first_block,
            columns: group.blocks,
            out,
        });
    }

    /// The input rows that the tiles of a band depend on.
    fn input_rows(&self, band: &Band<'_>) -> Range<usize> {
        let first = self.step.rows[band.first];
        let last = first + (band.rows[0].len() / TILE - 1) * TILE;
        first.saturating_sub(1)..(last + TILE + 1).min(self.shape.height)
    }

    /// The scratch that [`TiledConv::resize`] needs for a number of rows.
    fn resized_len(&self, rows: usize) -> usize {
        match self.resamplings.iter().flatten().count() {
            0 => 0,
            count => {
                let widest = self.blocks.iter().map(|block| block.width).max().unwrap_or(0);
                count * rows * self.shape.width + widest
            }
        }
    }

    /// The blocks of the input, with the given rows of those that are resized.
    fn resize<'b>(&'b self, rows: Range<usize>, scratch: &'b mut [Lane]) -> Vec<View<'b>> {
        let width = self.shape.width;
        let count = self.resamplings.iter().flatten().count();
        // Behind the resized blocks is a row between the two passes of a resize.
        let (mut resized, mixed) = scratch.split_at_mut(count * rows.len() * width);
        let blocks = self.blocks.iter().zip(&self.resamplings);
        blocks
            .map(|(block, resampling)| {
                let Some(Resampling { rows: all_rows, columns }) = resampling else { return *block };
                let (lanes, rest) = std::mem::take(&mut resized).split_at_mut(rows.len() * width);
                resized = rest;
                for (row, out) in all_rows[rows.clone()].iter().zip(lanes.chunks_exact_mut(width)) {
                    let line = |y: u32| &block.lanes[y as usize * block.width..][..block.width];
                    let (upper, lower, mixed) = (line(row.first), line(row.second), &mut mixed[..block.width]);
                    self.context.isa.run(Resize { upper, lower, fraction: row.fraction, columns, mixed, out });
                }
                View { lanes, width, height: all_rows.len(), first_row: rows.start }
            })
            .collect()
    }

    fn input_channels(&self) -> usize {
        self.blocks.len() * LANES
    }

    fn dilation(&self) -> usize {
        self.step.conv.window.dilation
    }
}

/// Divides memory among groups of output channels.
fn split_by<'a>(
    groups: &[ChannelGroup],
    mut memory: &'a mut [Lane],
    len: impl Fn(&ChannelGroup) -> usize,
) -> Vec<(ChannelGroup, &'a mut [Lane])> {
    let parts = groups.iter().map(|group| {
        let (part, rest) = std::mem::take(&mut memory).split_at_mut(len(group));
        memory = rest;
        (*group, part)
    });
    parts.collect()
}

/// Rows of tiles, and the output rows that they compute.
struct Band<'a> {
    /// The first row of tiles.
    first: usize,
    tiles: Range<usize>,
    /// For each block of the output, [`TILE`] rows for each row of tiles; empty beyond the map's end.
    rows: Vec<Vec<&'a mut [Lane]>>,
}

/// Divides an output of the given shape into bands of `band_rows` rows of tiles.
fn bands<'a>(step: &WinogradStep, shape: Shape, out: &'a mut [Lane], band_rows: usize) -> Vec<Band<'a>> {
    let dilation = step.conv.window.dilation;
    // Bands take the rows of each block in the order of the tiles, which is not that of the map if it is dilated.
    let mut blocks: Vec<Vec<Option<&mut [Lane]>>> = out
        .chunks_exact_mut(shape.pixels())
        .map(|block| block.chunks_exact_mut(shape.width).map(Some).collect())
        .collect();
    let mut bands = Vec::with_capacity(step.rows.len().div_ceil(band_rows));
    let mut start = 0;
    for (number, first_rows) in step.rows.chunks(band_rows).enumerate() {
        let first = number * band_rows;
        let end = first + first_rows.len();
        let count = step.tiles[start..].iter().take_while(|tile| (tile.row as usize) < end).count();
        let rows = blocks.iter_mut().map(|block| {
            let rows = first_rows.iter().flat_map(|first| (0..TILE).map(move |row| first + row * dilation));
            rows.map(|row| block.get_mut(row).and_then(Option::take).unwrap_or_default()).collect()
        });
        bands.push(Band { first, tiles: start..start + count, rows: rows.collect() });
        start += count;
    }
    bands
}
