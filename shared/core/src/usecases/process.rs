//! Making the pictures of a job: claim it, read its source, run the pipeline, store the pictures, finish it. Nothing is
//! fetched here: [`Intake`](super::Intake) has stored everything.
//!
//! Every part can be repeated. A message may come twice, late, or to two workers at once: the claim is a conditional
//! write, so one worker has the job. A worker may stop at any instant: its lease expires, and the next worker starts
//! from the stored source. A worker may wake up late: its outputs are stored under its own lease, and its conditional
//! finish is refused.

mod handle;
mod inputs;
mod pictures;
mod worker;

pub use worker::{Process, Workshop};
