//! The queue of a job's messages.

use std::fmt;

use super::stage::JobStage;
use crate::domain::lane::Lane;

/// One of the queues of jobs: each lane has one for each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    /// The lane.
    pub lane: Lane,
    /// The stage.
    pub stage: JobStage,
}

impl Route {
    /// Every queue.
    pub const ALL: [Self; 4] = [
        Self { lane: Lane::Live, stage: JobStage::Make },
        Self { lane: Lane::Bulk, stage: JobStage::Make },
        Self { lane: Lane::Live, stage: JobStage::Intake },
        Self { lane: Lane::Bulk, stage: JobStage::Intake },
    ];

    /// Where dropped files are announced.
    pub const DROPS: Self = Self { lane: Lane::Bulk, stage: JobStage::Intake };
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stage.as_str(), self.lane.as_str())
    }
}
