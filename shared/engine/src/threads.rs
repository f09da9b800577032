//! The threads and the memory of runs.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use crate::error::Error;
use crate::run::{SpareMemory, lock};
use crate::simd::Lane;

/// Threads that networks run on, and the memory of their last run, which is kept for the next. Clones share both, so
/// networks that run in turn need only as much memory as the largest.
#[derive(Debug, Clone)]
pub struct Threads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: rayon::ThreadPool,
    /// The maps of the last run.
    maps: Mutex<Vec<Lane>>,
    spare: SpareMemory,
}

impl Threads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// [`Error::Threads`].
    pub fn new(count: NonZeroUsize) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count.get()).thread_name(|at| format!("engine-{at}"));
        let pool = pool.build().map_err(|error| Error::Threads(error.into()))?;
        Ok(Self(Arc::new(Shared { pool, maps: Mutex::default(), spare: Mutex::default() })))
    }

    /// Frees the memory that is kept for the next run, which then takes some hundredths of a second longer.
    pub fn release(&self) {
        *lock(&self.0.maps) = Vec::new();
        *lock(&self.0.spare) = Vec::new();
    }

    /// Takes memory for the maps of a run: at least `lanes` vectors, with whatever was there before.
    pub(crate) fn take_maps(&self, lanes: usize) -> Vec<Lane> {
        let maps = std::mem::take(&mut *lock(&self.0.maps));
        // Empty while another run uses it.
        if maps.len() < lanes { Lane::zeroed(lanes) } else { maps }
    }

    /// Keeps memory for the next run; of two, the larger.
    pub(crate) fn keep_maps(&self, maps: Vec<Lane>) {
        let mut kept = lock(&self.0.maps);
        if kept.len() < maps.len() {
            *kept = maps;
        }
    }

    pub(crate) fn pool(&self) -> &rayon::ThreadPool {
        &self.0.pool
    }

    pub(crate) fn spare(&self) -> &SpareMemory {
        &self.0.spare
    }
}
