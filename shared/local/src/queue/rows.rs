//! The names and rows of the table of messages.

use cutline_core::domain::job::JobStage;
use cutline_core::domain::lane::Lane;

/// A queue in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueName {
    /// For the makers.
    Jobs,
    /// For the fetchers.
    Intake,
    DeadLetters,
}

impl QueueName {
    pub(super) const fn of(stage: JobStage) -> Self {
        match stage {
            JobStage::Intake => Self::Intake,
            JobStage::Make => Self::Jobs,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Intake => "intake",
            Self::DeadLetters => "dead_letters",
        }
    }
}

/// Where a message waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessagePlace {
    pub(super) name: QueueName,
    pub(super) lane: Lane,
    /// The owner of its job. Empty if it is unknown.
    pub(super) owner: String,
}

/// A row of the table.
pub(super) struct StoredMessage {
    pub(super) id: i64,
    pub(super) body: String,
    pub(super) receive_count: u32,
    pub(super) place: MessagePlace,
}
