//! Runs the operators between the convolutions.

use rayon::prelude::*;

use super::context::Context;
use super::memory::StepBuffers;
use crate::graph::MapId;
use crate::kernels::plain::{Add, MaxPool, Resize, ResizePlanar, Sigmoid};
use crate::simd::Lane;
use crate::step::{Resampling, ResizeStep};

/// Vectors or numbers in a task, where nothing else divides the work.
pub(super) const CHUNK: usize = 1 << 14;

pub(super) fn max_pool(context: &Context<'_>, from: MapId, buffers: StepBuffers<'_>) {
    let (input, shape) = (context.lanes(from, &buffers.inputs), context.shape(from));
    let halved = shape.halved();
    buffers.out.par_chunks_exact_mut(halved.width).enumerate().for_each(|(at, out)| {
        let (block, y) = (at / halved.height, at % halved.height * 2);
        let start = (block * shape.height + y) * shape.width;
        let rows = &input[start..start + shape.width * (shape.height - y).min(2)];
        context.isa.run(MaxPool { rows, width: shape.width, out });
    });
}

pub(super) fn add(context: &Context<'_>, [a, b]: [MapId; 2], buffers: StepBuffers<'_>) {
    let (a, b) = (context.lanes(a, &buffers.inputs), context.lanes(b, &buffers.inputs));
    let chunks = buffers.out.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK));
    chunks.for_each(|((out, a), b)| context.isa.run(Add { a, b, out }));
}

pub(super) fn sigmoid(context: &Context<'_>, from: MapId, buffers: StepBuffers<'_>) {
    let input: &[f32] = bytemuck::cast_slice(context.lanes(from, &buffers.inputs));
    let out: &mut [f32] = bytemuck::cast_slice_mut(buffers.out);
    let chunks = out.par_chunks_mut(CHUNK).zip(input.par_chunks(CHUNK));
    chunks.for_each(|(out, input)| context.isa.run(Sigmoid { input, out }));
}

pub(super) fn resize(context: &Context<'_>, step: &ResizeStep, buffers: StepBuffers<'_>) {
    if context.shape(step.from).is_planar() {
        return resize_planar(context, step, buffers);
    }
    let (from, to) = (context.shape(step.from), context.shape(step.to));
    let input = context.lanes(step.from, &buffers.inputs);
    let Resampling { rows, columns } = &step.resampling;
    buffers.out.par_chunks_exact_mut(to.width).enumerate().for_each_init(
        || vec![Lane::ZERO; from.width],
        |mixed, (at, out)| {
            let row = rows[at % to.height];
            let line = |y: u32| &input[(at / to.height * from.height + y as usize) * from.width..][..from.width];
            let (upper, lower) = (line(row.first), line(row.second));
            context.isa.run(Resize { upper, lower, fraction: row.fraction, columns, mixed, out });
        },
    );
}

fn resize_planar(context: &Context<'_>, step: &ResizeStep, buffers: StepBuffers<'_>) {
    let (from, to) = (context.shape(step.from), context.shape(step.to));
    let input: &[f32] = bytemuck::cast_slice(context.lanes(step.from, &buffers.inputs));
    let out: &mut [f32] = bytemuck::cast_slice_mut(buffers.out);
    let Resampling { rows, columns } = &step.resampling;
    out[..to.values()].par_chunks_exact_mut(to.width).enumerate().for_each_init(
        || vec![0.0; from.width],
        |mixed, (at, out)| {
            let row = rows[at % to.height];
            let line = |y: u32| &input[(at / to.height * from.height + y as usize) * from.width..][..from.width];
            let (upper, lower) = (line(row.first), line(row.second));
            context.isa.run(ResizePlanar { upper, lower, fraction: row.fraction, columns, mixed, out });
        },
    );
}
