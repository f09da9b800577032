//! A network that is ready to run.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::network::{Layer, Network};
use crate::plan::Plan;
use crate::run::Run;
use crate::simd::{Isa, Lane};

/// Threads that networks run on, and the memory of their last run, which is kept for the next. A clone is the same
/// threads and the same memory, so that networks which run in turns need only as much as the largest.
#[derive(Debug, Clone)]
pub struct Threads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: rayon::ThreadPool,
    memory: Mutex<Vec<Lane>>,
    spare: Mutex<Vec<Vec<Lane>>>,
}

impl Threads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// [`Error::Threads`].
    pub fn new(count: NonZeroUsize) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count.get()).thread_name(|at| format!("engine-{at}"));
        let pool = pool.build().map_err(|error| Error::Threads(error.into()))?;
        Ok(Self(Arc::new(Shared { pool, memory: Mutex::default(), spare: Mutex::default() })))
    }

    /// Gives back the memory that is kept for the next run. That one takes some hundredths of a second longer then.
    pub fn release(&self) {
        *self.0.memory.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
        *self.0.spare.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }
}

/// A network, its plan, and threads. May be used by several threads at once; each run needs its own memory.
#[derive(Debug)]
pub struct Engine {
    network: Network,
    plan: Plan,
    isa: Isa,
    threads: Threads,
}

/// What each layer of a run was, and how long it took.
#[derive(Debug, Clone)]
pub struct Layers(pub Vec<(String, Duration)>);

impl Engine {
    /// A network that runs with the best instructions that this machine has.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it needs more memory than 4 GiB.
    pub fn new(network: Network, threads: Threads) -> Result<Self, Error> {
        Self::with_isa(network, threads, Isa::detect())
    }

    /// The same with given instructions, or those of [`Isa::Portable`] where the machine does not have them.
    ///
    /// # Errors
    /// As those of [`Engine::new`].
    pub fn with_isa(network: Network, threads: Threads, isa: Isa) -> Result<Self, Error> {
        let isa = if isa.is_available() { isa } else { Isa::Portable };
        let plan = Plan::new(network.graph(), isa)?;
        Ok(Self { network, plan, isa, threads })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The instructions that it runs with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The memory that a run takes for its maps, in bytes.
    pub fn memory(&self) -> usize {
        self.plan.lanes * size_of::<Lane>()
    }

    /// Works out the output for an input, both channel by channel and row by row, of the shapes that the network has.
    ///
    /// # Errors
    /// [`Error::Input`] if there are not as many values as the network takes.
    pub fn run(&self, input: &[f32]) -> Result<Vec<f32>, Error> {
        self.run_told(input, |_| {})
    }

    /// The same, and how long each layer took.
    ///
    /// # Errors
    /// As those of [`Engine::run`].
    pub fn run_timed(&self, input: &[f32]) -> Result<(Vec<f32>, Layers), Error> {
        let (mut layers, mut begun) = (Vec::new(), Instant::now());
        let output = self.run_told(input, |layer| {
            layers.push((self.network.graph().describe(layer), begun.elapsed()));
            begun = Instant::now();
        })?;
        Ok((output, Layers(layers)))
    }

    fn run_told(&self, input: &[f32], told: impl FnMut(&Layer) + Send) -> Result<Vec<f32>, Error> {
        let wanted = self.network.input().values();
        if input.len() != wanted {
            return Err(Error::Input { found: input.len(), wanted });
        }
        let shared = &*self.threads.0;
        let mut memory = std::mem::take(&mut *shared.memory.lock().unwrap_or_else(PoisonError::into_inner));
        // None is kept while another run is at work.
        if memory.len() < self.plan.lanes {
            memory = bytemuck::zeroed_vec::<Lane>(self.plan.lanes);
        }
        let maps = &mut memory[..self.plan.lanes];
        let place = |map: usize| self.plan.maps[map].clone();
        put(input, self.network.input(), &mut maps[place(0)]);
        let run = Run { network: &self.network, plan: &self.plan, isa: self.isa, spare: &shared.spare };
        shared.pool.install(|| run.all(maps, told));
        let output = taken(&maps[place(self.network.graph().output)], self.network.output());
        let mut kept = shared.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < memory.len() {
            *kept = memory;
        }
        Ok(output)
    }
}

/// Values channel by channel, as a map has them.
fn put(values: &[f32], shape: crate::Shape, to: &mut [Lane]) {
    if shape.is_planar() {
        bytemuck::cast_slice_mut(to)[..values.len()].copy_from_slice(values);
        return;
    }
    let pixels = shape.pixels();
    for (channel, plane) in values.chunks_exact(pixels).enumerate() {
        for (lane, value) in to[channel / 16 * pixels..].iter_mut().zip(plane) {
            lane.0[channel % 16] = *value;
        }
    }
}

/// The other way about.
fn taken(from: &[Lane], shape: crate::Shape) -> Vec<f32> {
    if shape.is_planar() {
        let values: &[f32] = bytemuck::cast_slice(from);
        return values[..shape.values()].to_vec();
    }
    let pixels = shape.pixels();
    let mut values = vec![0.0; shape.values()];
    for (channel, plane) in values.chunks_exact_mut(pixels).enumerate() {
        for (value, lane) in plane.iter_mut().zip(&from[channel / 16 * pixels..]) {
            *value = lane.0[channel % 16];
        }
    }
    values
}
