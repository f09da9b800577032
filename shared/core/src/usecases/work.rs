//! Parts of working on a job that all stages share: claiming it, holding it, ending an attempt.

mod attempt;
mod claim;
mod claimant;
mod disposition;
mod failures;
mod stop;

pub(super) use attempt::Attempt;
pub(super) use claimant::Claimant;
pub use disposition::Disposition;
pub(super) use failures::{interrupted, storage_unavailable, timed_out};
pub(super) use stop::Stop;
