//! A network that is ready to run.

use std::time::Instant;

use crate::error::Error;
use crate::network::Network;
use crate::plan::Plan;
use crate::run::{self, Context};
use crate::shape::Shape;
use crate::simd::{Isa, LANES, Lane};
use crate::step::Step;
use crate::threads::Threads;
use crate::timing::LayerTime;

/// A network with its plan and threads. Several threads may run it at the same time; each run then has memory of its own.
#[derive(Debug)]
pub struct Engine {
    network: Network,
    plan: Plan,
    isa: Isa,
    threads: Threads,
}

impl Engine {
    /// Plans a network for the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it needs more than 4 GiB of memory.
    pub fn new(network: Network, threads: Threads) -> Result<Self, Error> {
        Self::with_isa(network, threads, Isa::detect())
    }

    /// Plans a network for an instruction set, or for [`Isa::Portable`] if the processor lacks it.
    ///
    /// # Errors
    /// Those of [`Engine::new`].
    pub fn with_isa(network: Network, threads: Threads, isa: Isa) -> Result<Self, Error> {
        let isa = if isa.is_available() { isa } else { Isa::Portable };
        let plan = Plan::new(network.graph(), isa)?;
        Ok(Self { network, plan, isa, threads })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The instruction set that the engine uses.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The memory for the maps of a run, in bytes.
    pub fn memory(&self) -> usize {
        self.plan.lanes * size_of::<Lane>()
    }

    /// Runs the network. Input and output are of the network's shapes, channel by channel, each channel row by row
    /// ("NCHW" with batch size 1).
    ///
    /// # Errors
    /// [`Error::InputSize`] unless the input has as many values as the network takes.
    pub fn run(&self, input: &[f32]) -> Result<Vec<f32>, Error> {
        self.run_observed(input, |_| {})
    }

    /// Runs the network as [`Engine::run`] does, and measures each layer. A resize that a convolution performs while it
    /// reads is not listed; its time is part of the convolution's.
    ///
    /// # Errors
    /// Those of [`Engine::run`].
    pub fn run_timed(&self, input: &[f32]) -> Result<(Vec<f32>, Vec<LayerTime>), Error> {
        let graph = self.network.graph();
        let (mut times, mut started) = (Vec::new(), Instant::now());
        let output = self.run_observed(input, |step| {
            times.push(LayerTime::new(graph, &graph.layers[step.layer], started.elapsed()));
            started = Instant::now();
        })?;
        Ok((output, times))
    }

    fn run_observed(&self, input: &[f32], on_step: impl FnMut(&Step) + Send) -> Result<Vec<f32>, Error> {
        let expected = self.network.input().values();
        if input.len() != expected {
            return Err(Error::InputSize { actual: input.len(), expected });
        }
        let mut memory = self.threads.take_maps(self.plan.lanes);
        let maps = &mut memory[..self.plan.lanes];
        pack(input, self.network.input(), &mut maps[self.plan.buffers[0].clone()]);
        let spare = self.threads.spare();
        let context = Context { network: &self.network, plan: &self.plan, isa: self.isa, spare };
        self.threads.pool().install(|| run::run(&context, maps, on_step));
        let output = &self.plan.buffers[self.network.graph().output];
        let output = unpack(&maps[output.clone()], self.network.output());
        self.threads.keep_maps(memory);
        Ok(output)
    }
}

/// Writes values in the order of planes to a map in the kernels' layout.
fn pack(values: &[f32], shape: Shape, map: &mut [Lane]) {
    if shape.is_planar() {
        bytemuck::cast_slice_mut(map)[..values.len()].copy_from_slice(values);
        return;
    }
    let pixels = shape.pixels();
    for (channel, plane) in values.chunks_exact(pixels).enumerate() {
        for (lane, value) in map[channel / LANES * pixels..].iter_mut().zip(plane) {
            lane.0[channel % LANES] = *value;
        }
    }
}

/// The values of a map in the order of planes: the inverse of [`pack`].
fn unpack(map: &[Lane], shape: Shape) -> Vec<f32> {
    if shape.is_planar() {
        let values: &[f32] = bytemuck::cast_slice(map);
        return values[..shape.values()].to_vec();
    }
    let pixels = shape.pixels();
    let mut values = vec![0.0; shape.values()];
    for (channel, plane) in values.chunks_exact_mut(pixels).enumerate() {
        for (value, lane) in plane.iter_mut().zip(&map[channel / LANES * pixels..]) {
            *value = lane.0[channel % LANES];
        }
    }
    values
}
