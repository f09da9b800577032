//! Working on a job: claim it, get its source, run the pipeline, store the pictures, finish it.
//!
//! Every part can be repeated. A message may come twice, late, or to two workers at once: the claim is a conditional
//! write, so one worker has the job. A worker may stop at any instant: its lease expires, and the next worker starts
//! from the stored source. A worker may wake up late: its outputs are stored under its own lease, and its conditional
//! finish is refused.

mod attempt;
mod claim;
mod disposition;
mod failures;
mod handle;
mod pictures;
mod source;
mod upload_source;
mod worker;

pub use disposition::Disposition;
pub(crate) use failures::{interrupted, timed_out};
pub use worker::{Process, Workshop};
