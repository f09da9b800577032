//! Parts that the Lambda functions share: their events, their answers, their logging.
//!
//! Nothing here needs Lambda, so it is all tested without Lambda.

mod batch;
mod deadline;
mod log;
mod reports;
mod sweep;
#[cfg(test)]
mod testing;

pub use batch::{BatchResponse, SqsEvent, handle_batch};
pub use deadline::deadline;
pub use log::log_as_json;
pub use sweep::{ScheduledEvent, SweepError, SweepEvent, SweepQueues, handle_sweep};
