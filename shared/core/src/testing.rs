//! The ports in memory, a clock that is set by hand and ids that count: for the tests of everything that
//! is written against the ports. They pass the same [`crate::contract`] suite as the real adapters.
//!
//! Not for use beyond tests: nothing here survives the process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::params::Revision;
use crate::ports::{Clock, Ids};

mod blobs;
mod drops;
mod queue;
mod sets;
mod store;

pub use blobs::{MemoryBlobs, MemoryLinks};
pub use drops::MemoryDropFiles;
pub use queue::MemoryQueue;
pub use sets::MemorySets;
pub use store::MemoryStore;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock at some time in 2026.
    pub fn new() -> Self {
        Self(Mutex::new(Timestamp::constant(1_780_000_000, 0)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = lock(&self.0);
        *now = crate::domain::job::after(*now, by);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// Ids that count from one, and so are the same in every run.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl SequentialIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(0x019c_0000_0000_7000, 0x8000_0000_0000_0000 | self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl Ids for SequentialIds {
    fn job(&self) -> JobId {
        JobId::new(self.next())
    }

    fn lease(&self) -> LeaseToken {
        LeaseToken::new(self.next())
    }

    fn revision(&self) -> Revision {
        Revision::new(self.next())
    }
}

/// The lock, also after a test that held it has panicked.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
