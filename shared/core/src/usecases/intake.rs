//! Intake: storing what a job needs from elsewhere, before its pictures are made.
//!
//! A `file_url`, a direct upload, the backdrop of a parameter set, and dropped files are fetched or copied here, so a slow host holds no
//! image worker. Every part can be repeated: a job is claimed under a lease, and what was stored once is not replaced, so
//! all attempts work on the same bytes.

mod drop_wait;
mod drops;
mod fetch;
mod handle;
mod upload;
mod worker;

pub use drop_wait::DropWait;
pub use worker::{Intake, IntakePorts};
