//! Queues on SQS.

mod lane_deliveries;
mod lanes;
mod queue;

pub use lane_deliveries::SqsLaneDeliveries;
pub use lanes::SqsLanes;
#[cfg(feature = "doctor")]
pub(crate) use lanes::oldest_age;
pub use queue::SqsQueue;
