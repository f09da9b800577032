//! Queues on SQS.

mod lane_deliveries;
mod lanes;
mod queue;

pub use lane_deliveries::SqsLaneDeliveries;
pub use lanes::SqsLanes;
pub use queue::SqsQueue;
