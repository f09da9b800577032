//! The bodies of `/api/v1/jobs`.

use std::collections::BTreeMap;

use cutline_core::domain::audit::AuditEntry;
use cutline_core::domain::job::{JobSummary, Step};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::subject::SubjectSettings;
use cutline_core::usecases::{JobListing, JobView};
use cutline_core::{Confidence, Failure, JobId, OwnerId, SetName};
use jiff::Timestamp;
use serde::Serialize;

use crate::error::ApiError;
use crate::job_query;
#[cfg(test)]
use crate::openapi::values;
use crate::responses::{CorrelationBody, StatusBody};
use crate::review_status::{RecutBody, ReviewBody};
use crate::webhook_status::WebhookStatusBody;

/// A page of the caller's jobs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = JobList))]
pub(crate) struct JobsBody {
    jobs: Vec<JobEntry>,
    /// Leads to the next page. Missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    cursor: Option<String>,
}

/// A job in a list, as `GET /api/v1/jobs` shows it. Others print it in the same form.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = JobEntry))]
pub struct JobEntry {
    #[cfg_attr(test, schema(schema_with = values::job_id))]
    job_id: JobId,
    #[cfg_attr(test, schema(schema_with = values::job_status))]
    status: &'static str,
    #[cfg_attr(test, schema(schema_with = values::job_state))]
    state: &'static str,
    #[cfg_attr(test, schema(schema_with = values::mode))]
    mode: &'static str,
    /// Present if the job uses a parameter set that has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    params: Option<SetNameBody>,
    #[serde(flatten)]
    correlation: CorrelationBody,
    #[serde(flatten)]
    times: TimesBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::confidence))]
    confidence: Option<Confidence>,
    /// True if the job is held with an empty draft, since no subject was found. It cannot be approved.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty_draft: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::failure))]
    error: Option<Failure>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = ListedParameterSet))]
struct SetNameBody {
    #[cfg_attr(test, schema(schema_with = values::set_name))]
    name: SetName,
}

/// When a job was created and ended, and which one it repeats or corrects. The time of creation is the one by which lists are ordered.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Times))]
struct TimesBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::job_id))]
    retry_of: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::job_id))]
    recut_of: Option<JobId>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    ended_at: Option<Timestamp>,
}

impl JobsBody {
    pub(crate) fn new(owner: &OwnerId, listing: JobListing) -> Self {
        let cursor = listing.next.map(|before| job_query::encode(owner, before));
        Self { jobs: listing.jobs.into_iter().map(JobEntry::new).collect(), cursor }
    }
}

impl JobEntry {
    /// The entry of a job.
    pub fn new(job: JobSummary) -> Self {
        Self {
            job_id: job.id,
            status: job.status.as_str(),
            state: if job.status.has_ended() { "done" } else { "pending" },
            mode: job.mode.as_str(),
            params: job.set.map(|name| SetNameBody { name }),
            correlation: CorrelationBody {
                external_id: job.external_id,
                metadata: job.metadata,
                output_name: job.output_name,
            },
            times: TimesBody {
                retry_of: job.retry_of,
                recut_of: job.recut_of,
                created_at: job.id.time(),
                ended_at: job.ended_at,
            },
            confidence: job.confidence,
            empty_draft: job.empty_draft,
            error: job.failure,
        }
    }
}

/// An entry of the audit log about a job.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = AuditEntry))]
struct AuditBody {
    at: Timestamp,
    actor: String,
    action: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    detail: BTreeMap<String, String>,
}

impl AuditBody {
    fn new(entry: AuditEntry) -> Self {
        let AuditEntry { at, actor, action, detail, .. } = entry;
        Self { at, actor: actor.into(), action: action.into(), detail }
    }
}

/// One job: its status and its history.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Job))]
pub(crate) struct JobBody {
    #[serde(flatten)]
    status: StatusBody,
    #[serde(flatten)]
    times: TimesBody,
    #[cfg_attr(test, schema(schema_with = values::lane))]
    lane: Lane,
    /// How often a worker has begun with the job.
    attempts: u32,
    /// How long each step of the last attempt took, in milliseconds. Empty while the first one runs.
    #[cfg_attr(test, schema(schema_with = values::timings))]
    timings_ms: BTreeMap<Step, u64>,
    /// How the cut is steered. Present if anything is set.
    #[serde(skip_serializing_if = "SubjectSettings::is_empty")]
    #[cfg_attr(test, schema(schema_with = values::subject, required = false))]
    subject: SubjectSettings,
    /// How far the clipping path lies inside the outline, in pixels of the picture. Present if it is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    path_inset: Option<f32>,
    /// The last recut of the job's draft. Present if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    recut: Option<RecutBody>,
    /// Present once it was decided about the pictures of a job that was held for review.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    review: Option<ReviewBody>,
    /// Present if the job has a webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    webhook: Option<WebhookStatusBody>,
    /// The entries of the audit log about the job, the newest first.
    audit: Vec<AuditBody>,
}

impl JobBody {
    /// # Errors
    /// As for [`StatusBody::new`].
    pub(crate) fn new(view: JobView, audit: Vec<AuditEntry>) -> Result<Self, ApiError> {
        let job = &view.job;
        let ended_at = job.state.ended_at();
        Ok(Self {
            times: TimesBody { retry_of: job.retry_of, recut_of: job.recut_of, created_at: job.id.time(), ended_at },
            lane: job.lane,
            attempts: job.attempts,
            timings_ms: job.timings.clone(),
            subject: job.spec.subject.clone(),
            path_inset: Some(job.spec.rendering.path.inset.get()).filter(|inset| *inset > 0.0),
            recut: job.recut.as_deref().map(RecutBody::new),
            review: job.decision.as_ref().map(ReviewBody::new),
            webhook: WebhookStatusBody::new(job),
            audit: audit.into_iter().map(AuditBody::new).collect(),
            status: StatusBody::new(view)?,
        })
    }
}
