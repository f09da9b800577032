//! The ports in memory, a manual clock, ids that count, and a request for a job, for tests of anything written against
//! the ports. The ports pass the same [`contract`](crate::contract) suite as the real adapters. Nothing here survives the
//! process.

mod blobs;
mod drop_files;
mod due_index;
mod env;
mod lock;
mod metrics;
mod queue;
mod sets;
mod store;
mod submission;
mod uploads;
mod workers;

pub use blobs::{MemoryBlobs, MemoryLinks};
pub use drop_files::MemoryDropFiles;
pub use env::{ManualClock, SequentialIds};
pub use metrics::MemoryMetrics;
pub use queue::{MemoryQueue, MemoryStage};
pub use sets::MemorySets;
pub use store::MemoryStore;
pub use submission::submission;
pub use uploads::MemoryUploads;
pub use workers::ThreadWorkers;
