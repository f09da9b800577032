//! The stages of a job, each with queues and workers of its own.

use serde::{Deserialize, Serialize};

/// A stage of a job that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStage {
    /// What the job needs from elsewhere is fetched and stored.
    Intake,
    /// Its pictures are made.
    #[default]
    Make,
}

impl JobStage {
    /// Every stage, in order.
    pub const ALL: [Self; 2] = [Self::Intake, Self::Make];

    /// The stage's name in records and queues.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Make => "make",
        }
    }

    /// Whether records leave this stage out.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
