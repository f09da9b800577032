//! Parts that the Lambda functions share: their events, their answers, their logging and metrics.
//!
//! Nothing here needs Lambda, so it is all tested without Lambda.

mod batch;
mod deadline;
mod emf;
mod log;
mod reports;
mod sweep;
#[cfg(test)]
mod testing;

pub use batch::{BatchResponse, SqsEvent, handle_batch};
pub use deadline::deadline;
pub use emf::{cloudwatch_name, env, metrics_in_log};
pub use log::{in_invocation, log_as_json};
pub use sweep::{ScheduledEvent, SweepError, SweepEvent, SweepQueues, handle_sweep};
