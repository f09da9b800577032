//! A job as lists show it. Stores index it, so it leaves out what changes while a job runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::Job;
use super::state::JobState;
use crate::domain::choice::InvalidChoice;
use crate::domain::correlation::{ExternalId, Metadata};
use crate::domain::decision::Verdict;
use crate::domain::failure::Failure;
use crate::domain::ids::JobId;
use crate::domain::outcome::Confidence;
use crate::domain::output_name::OutputName;
use crate::domain::params::SetName;
use crate::domain::request::Mode;

/// A job's status in a list: `queued` until it ends or is held for review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListedStatus {
    /// It has not ended, and nobody has to look at it.
    Queued,
    /// It is held for review.
    PendingReview,
    /// It ended successfully.
    Done,
    /// It ended with a failure.
    Failed,
}

impl ListedStatus {
    /// Every status, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Queued, Self::PendingReview, Self::Done, Self::Failed];

    /// The status in a list.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::PendingReview => "pending_review",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether the job has ended.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

impl std::str::FromStr for ListedStatus {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(InvalidChoice)
    }
}

/// A job as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    /// Its id.
    pub id: JobId,
    /// Whether and how it has ended.
    pub status: ListedStatus,
    /// Its mode.
    pub mode: Mode,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When its record expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The name of its parameter set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// The caller's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// The caller's own strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// The names of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_name: Option<OutputName>,
    /// The job that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<JobId>,
    /// The job whose cut it corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recut_of: Option<JobId>,
    /// The verdict on its pictures, if they were held for review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Verdict>,
    /// How sure its cut is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Whether it is held with an empty draft, which cannot be approved: see [`Outcome::is_empty`](crate::domain::outcome::Outcome::is_empty).
    #[serde(default, skip_serializing_if = "is_false")]
    pub empty_draft: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl JobSummary {
    /// The job in a list; `None` for a job that lists do not show, because it was withdrawn or deleted.
    pub fn of(job: &Job) -> Option<Self> {
        let (status, ended_at, confidence, failure) = match &job.state {
            JobState::Queued { .. } | JobState::Running { .. } => {
                let draft = job.recut_in_progress().map(|(_, draft)| &draft.outcome);
                (ListedStatus::Queued, None, draft.and_then(|outcome| outcome.confidence), None)
            }
            JobState::Review { outcome, .. } => (ListedStatus::PendingReview, None, outcome.confidence, None),
            JobState::Done { at, outcome } => (ListedStatus::Done, Some(*at), outcome.confidence, None),
            JobState::Failed { at, failure } => (ListedStatus::Failed, Some(*at), None, Some(failure.clone())),
            JobState::Withdrawn { .. } => return None,
        };
        Some(Self {
            id: job.id,
            status,
            mode: job.spec.mode,
            created_at: job.created_at,
            ended_at,
            expires_at: job.expires_at,
            set: job.spec.set.as_ref().and_then(|set| set.name.clone()),
            external_id: job.spec.external_id.clone(),
            metadata: job.spec.metadata.clone(),
            output_name: job.spec.output_name.clone(),
            retry_of: job.retry_of,
            recut_of: job.recut_of,
            decided: job.decision.as_ref().map(|decision| decision.verdict),
            confidence,
            empty_draft: matches!(&job.state, JobState::Review { outcome, .. } if outcome.is_empty()),
            failure,
        })
    }

    /// Whether the record has expired. It then counts as absent, though its store may still hold it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
