//! Runs the convolutions that read their input pixel by pixel.

use rayon::prelude::*;

use super::context::Context;
use super::memory::StepBuffers;
use super::plain::CHUNK;
use crate::graph::Conv;
use crate::kernels::direct::{FromPlanar, Pointwise, ToPlanar, Widen};
use crate::shape::Shape;
use crate::simd::Lane;
use crate::step::DirectStep;

/// Threads share the rows of the output; a task computes a row of all blocks.
pub(super) fn from_planar(context: &Context<'_>, step: &DirectStep, buffers: StepBuffers<'_>) {
    let conv = &step.conv;
    let weights = widened_weights(context, conv, buffers.scratch);
    let planes: Vec<&[f32]> = conv.from.iter().flat_map(|map| context.planes(*map, &buffers.inputs)).collect();
    let epilogues = context.epilogues(conv, &buffers.inputs);
    let (from, to) = (context.shape(conv.from[0]), context.shape(conv.to));
    let (size, stride) = (conv.window.size, conv.window.stride);
    let row_length = from.width.max((to.width - 1) * stride + 1) + 2 * (size / 2);
    rows_of_blocks(buffers.out, to).into_par_iter().enumerate().for_each_init(
        || vec![0.0; planes.len() * size * row_length],
        |input, (y, mut rows)| {
            gather_rows(conv, &planes, from, y, input);
            let channels = planes.len();
            let (epilogues, rows) = (&epilogues, &mut rows);
            context.isa.run(FromPlanar { input, row_length, size, stride, channels, weights, epilogues, y, rows });
        },
    );
}

/// Copies the input rows that row `y` of the output depends on: `size` for each channel, padded
/// with zeros. `input` holds zeros to the left and right of the rows.
fn gather_rows(conv: &Conv, planes: &[&[f32]], from: Shape, y: usize, input: &mut [f32]) {
    let size = conv.window.size;
    let margin = size / 2;
    let row_length = input.len() / (planes.len() * size);
    for (number, row) in input.chunks_exact_mut(row_length).enumerate() {
        let (plane, kernel_row) = (planes[number / size], number % size);
        let at = (y * conv.window.stride + kernel_row).checked_sub(margin).filter(|at| *at < from.height);
        match at {
            Some(at) => {
                row[margin..margin + from.width].copy_from_slice(&plane[at * from.width..(at + 1) * from.width]);
            }
            None => row.fill(0.0),
        }
    }
}

/// For each row of a map, that row in each block.
fn rows_of_blocks(map: &mut [Lane], shape: Shape) -> Vec<Vec<&mut [Lane]>> {
    let mut rows: Vec<Vec<&mut [Lane]>> = (0..shape.height).map(|_| Vec::new()).collect();
    for block in map.chunks_exact_mut(shape.pixels()) {
        for (row, rows) in block.chunks_exact_mut(shape.width).zip(&mut rows) {
            rows.push(row);
        }
    }
    rows
}

/// Threads share the rows of all output channels.
pub(super) fn to_planar(context: &Context<'_>, step: &DirectStep, buffers: StepBuffers<'_>) {
    let conv = &step.conv;
    let weights = widened_weights(context, conv, buffers.scratch);
    let blocks: Vec<_> = conv.from.iter().flat_map(|map| context.blocks(*map, &buffers.inputs)).collect();
    let shape = context.shape(conv.to);
    let bias: &[f32] = bytemuck::cast_slice(context.network.weights().single(&conv.bias));
    let out: &mut [f32] = bytemuck::cast_slice_mut(buffers.out);
    let channel_weights = weights.len() / shape.channels;
    out[..shape.values()].par_chunks_exact_mut(shape.width).enumerate().for_each_init(
        || vec![Lane::ZERO; shape.width],
        |sums, (at, row)| {
            let channel = at / shape.height;
            context.isa.run(ToPlanar {
                blocks: &blocks,
                size: conv.window.size,
                dilation: conv.window.dilation,
                weights: &weights[channel * channel_weights..(channel + 1) * channel_weights],
                bias: bias[channel],
                relu: conv.relu,
                y: at % shape.height,
                sums,
                row,
            });
        },
    );
}

/// One output channel after another; threads share its pixels.
pub(super) fn pointwise(context: &Context<'_>, step: &DirectStep, buffers: StepBuffers<'_>) {
    let conv = &step.conv;
    let weights: &[f32] = bytemuck::cast_slice(widened_weights(context, conv, buffers.scratch));
    let planes: Vec<&[f32]> = conv.from.iter().flat_map(|map| context.planes(*map, &buffers.inputs)).collect();
    let shape = context.shape(conv.to);
    let bias: &[f32] = bytemuck::cast_slice(context.network.weights().single(&conv.bias));
    let channel_weights = weights.len() / shape.channels;
    let out: &mut [f32] = bytemuck::cast_slice_mut(buffers.out);
    for (channel, out) in out[..shape.values()].chunks_exact_mut(shape.pixels()).enumerate() {
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            let range = chunk * CHUNK..chunk * CHUNK + out.len();
            let inputs: Vec<&[f32]> = planes.iter().map(|plane| &plane[range.clone()]).collect();
            context.isa.run(Pointwise {
                inputs: &inputs,
                weights: &weights[channel * channel_weights..][..planes.len()],
                bias: bias[channel],
                relu: conv.relu,
                out,
            });
        });
    }
}

/// Writes a convolution's weights to `scratch` in single precision.
fn widened_weights<'b>(context: &Context<'_>, conv: &Conv, scratch: &'b mut [Lane]) -> &'b [Lane] {
    context.isa.run(Widen { weights: context.network.weights().weights(&conv.weights), out: scratch });
    scratch
}
