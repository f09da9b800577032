//! The disposition of a handled message.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::job::{Job, JobState};
use crate::domain::time::between;

/// The decision about a message that was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing is left to do: delete it.
    Acknowledge,
    /// Deliver it again after this time: change its visibility, and do not delete it.
    Defer(Duration),
}

impl Disposition {
    /// The disposition of the message of a job that another process moved into this state. `defer` limits the wait for a
    /// job that is ready to be claimed.
    pub(crate) fn for_job(job: &Job, now: Timestamp, defer: Duration) -> Self {
        match &job.state {
            JobState::Queued { ready_at, .. } if *ready_at > now => Self::until(*ready_at, now),
            JobState::Queued { .. } => Self::Defer(defer.min(Duration::from_secs(1))),
            JobState::Running { lease, .. } => Self::until(lease.until, now),
            JobState::Review { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                Self::Acknowledge
            }
        }
    }

    /// Deferred until `at`: rounded up to whole seconds, which queues count in, and at least one.
    pub(crate) fn until(at: Timestamp, now: Timestamp) -> Self {
        Self::Defer(Duration::from_secs(between(now, at).as_millis().div_ceil(1000).max(1) as u64))
    }
}
