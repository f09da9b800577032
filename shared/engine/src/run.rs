//! Runs a plan: step after step, each on all threads of the current pool.

mod context;
mod direct;
mod memory;
mod plain;
mod winograd;

pub(crate) use context::Context;
pub(crate) use memory::{SpareMemory, lock};

use crate::simd::Lane;
use crate::step::{Step, StepKind};
use memory::StepBuffers;

/// Runs all steps, and calls `on_step` after each. The input must already be in its buffer.
pub(crate) fn run(context: &Context<'_>, memory: &mut [Lane], mut on_step: impl FnMut(&Step)) {
    let buffers = &context.plan.buffers;
    for step in &context.plan.steps {
        let scratch = step.scratch().map_or(0..0, |scratch| buffers[scratch].clone());
        run_step(context, &step.kind, memory::split(memory, &buffers[step.to()], &scratch));
        on_step(step);
    }
}

fn run_step(context: &Context<'_>, kind: &StepKind, buffers: StepBuffers<'_>) {
    match kind {
        StepKind::Winograd(step) => winograd::run(context, step, buffers),
        StepKind::FromPlanar(step) => direct::from_planar(context, step, buffers),
        StepKind::ToPlanar(step) => direct::to_planar(context, step, buffers),
        StepKind::Pointwise(step) => direct::pointwise(context, step, buffers),
        StepKind::MaxPool { from, .. } => plain::max_pool(context, *from, buffers),
        StepKind::Resize(step) => plain::resize(context, step, buffers),
        StepKind::Add { a, b, .. } => plain::add(context, [*a, *b], buffers),
        StepKind::Sigmoid { from, .. } => plain::sigmoid(context, *from, buffers),
    }
}
