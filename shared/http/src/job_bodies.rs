//! The bodies of `/api/v1/jobs`.

use std::collections::BTreeMap;

use cutline_core::domain::job::{JobState, JobSummary, Step};
use cutline_core::domain::lane::Lane;
use cutline_core::usecases::{JobListing, JobView};
use cutline_core::{Confidence, Failure, JobId, OwnerId, SetName};
use jiff::Timestamp;
use serde::Serialize;

use crate::error::ApiError;
use crate::job_query;
use crate::responses::{CorrelationBody, StatusBody};

/// A page of the caller's jobs.
#[derive(Debug, Serialize)]
pub(crate) struct JobsBody {
    jobs: Vec<JobEntry>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A job in a list.
#[derive(Debug, Serialize)]
struct JobEntry {
    job_id: JobId,
    status: &'static str,
    state: &'static str,
    mode: &'static str,
    /// Present if the job uses a parameter set that has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<SetNameBody>,
    #[serde(flatten)]
    correlation: CorrelationBody,
    #[serde(flatten)]
    times: TimesBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[derive(Debug, Serialize)]
struct SetNameBody {
    name: SetName,
}

/// When a job was created and ended, and which one it repeats. The time of creation is the one by which lists are ordered.
#[derive(Debug, Serialize)]
struct TimesBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<JobId>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

impl JobsBody {
    pub(crate) fn new(owner: &OwnerId, listing: JobListing) -> Self {
        let cursor = listing.next.map(|before| job_query::encode(owner, before));
        Self { jobs: listing.jobs.into_iter().map(JobEntry::new).collect(), cursor }
    }
}

impl JobEntry {
    fn new(job: JobSummary) -> Self {
        Self {
            job_id: job.id,
            status: job.status.as_str(),
            state: if job.status.has_ended() { "done" } else { "pending" },
            mode: job.mode.as_str(),
            params: job.set.map(|name| SetNameBody { name }),
            correlation: CorrelationBody { external_id: job.external_id, metadata: job.metadata },
            times: TimesBody { retry_of: job.retry_of, created_at: job.id.time(), ended_at: job.ended_at },
            confidence: job.confidence,
            error: job.failure,
        }
    }
}

/// One job: its status and its history.
#[derive(Debug, Serialize)]
pub(crate) struct JobBody {
    #[serde(flatten)]
    status: StatusBody,
    #[serde(flatten)]
    times: TimesBody,
    lane: Lane,
    /// How often a worker has begun with the job.
    attempts: u32,
    /// How long each step of the last attempt took, in milliseconds. Empty while the first one runs.
    timings_ms: BTreeMap<Step, u64>,
}

impl JobBody {
    /// # Errors
    /// As for [`StatusBody::new`].
    pub(crate) fn new(view: JobView) -> Result<Self, ApiError> {
        let job = &view.job;
        let ended_at = match &job.state {
            JobState::Done { at, .. } | JobState::Failed { at, .. } => Some(*at),
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Withdrawn { .. } => None,
        };
        Ok(Self {
            times: TimesBody { retry_of: job.retry_of, created_at: job.id.time(), ended_at },
            lane: job.lane,
            attempts: job.attempts,
            timings_ms: job.timings.clone(),
            status: StatusBody::new(view)?,
        })
    }
}
