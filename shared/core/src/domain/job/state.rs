//! The states of a job, each with the data that exists only there.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::stage::JobStage;
use super::step::Step;
use crate::domain::decision::DraftRevision;
use crate::domain::failure::Failure;
use crate::domain::ids::LeaseToken;
use crate::domain::outcome::Outcome;

/// A worker's right to a job until a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Identifies the claim.
    pub token: LeaseToken,
    /// When the lease expires unless it is renewed.
    pub until: Timestamp,
}

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum JobState {
    /// Waiting for a worker.
    Queued {
        /// The stage that it waits for. Absent in records means [`JobStage::Make`], the only stage of older ones.
        #[serde(default, skip_serializing_if = "JobStage::is_default")]
        stage: JobStage,
        /// When it was queued, or queued again.
        since: Timestamp,
        /// The earliest time of the next claim.
        ready_at: Timestamp,
        /// When its message counts as lost.
        resend_at: Timestamp,
        /// How many times its message was sent again.
        resends: u32,
    },
    /// A worker has claimed it.
    Running {
        /// The stage that it is at. Absent in records means [`JobStage::Make`].
        #[serde(default, skip_serializing_if = "JobStage::is_default")]
        stage: JobStage,
        /// The current step.
        step: Step,
        /// The worker's lease.
        lease: Lease,
    },
    /// Its pictures are made, and a person has to look at them.
    Review {
        /// When it was held.
        since: Timestamp,
        /// Numbers the result.
        revision: DraftRevision,
        /// The result, if it is approved.
        outcome: Outcome,
        /// When the job fails if nobody has decided.
        deadline: Timestamp,
    },
    /// Finished successfully.
    Done {
        /// When it ended.
        at: Timestamp,
        /// The result.
        outcome: Outcome,
    },
    /// Finished with a failure.
    Failed {
        /// When it ended.
        at: Timestamp,
        /// The reason.
        failure: Failure,
    },
    /// Never accepted: its message could not be sent, and the caller got an error.
    Withdrawn {
        /// When it ended.
        at: Timestamp,
    },
}

impl JobState {
    /// When the job ended, if it has.
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Queued { .. } | Self::Running { .. } | Self::Review { .. } => None,
            Self::Done { at, .. } | Self::Failed { at, .. } | Self::Withdrawn { at } => Some(*at),
        }
    }

    /// The state's name, as stores index it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Running { .. } => "running",
            Self::Review { .. } => "review",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
