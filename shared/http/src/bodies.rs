//! The bodies of good answers. Fields stand in the order in which the contract shows them.

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cutline_core::domain::job::{Job, JobParamSet, JobState};
use cutline_core::domain::params::SetName;
use cutline_core::usecases::JobView;
use cutline_core::usecases::SetListing;
use cutline_core::{Confidence, DeliveryMode, Failure, JobId};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use crate::error::ApiError;
use crate::etag;

/// An answer of this status with this body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let json = HeaderValue::from_static("application/json");
            (status, [(CONTENT_TYPE, json)], bytes).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A job that was taken in.
#[derive(Debug, Serialize)]
pub(crate) struct Accepted {
    job_id: JobId,
    status: &'static str,
    mode: &'static str,
}

impl Accepted {
    /// The body for a new job.
    pub(crate) fn of(job: &Job) -> Self {
        Self { job_id: job.id, status: "queued", mode: job.spec.mode.as_str() }
    }
}

/// How a job stands.
///
/// `status` is the step, or how the job ended; `state` says only whether to go on asking. `params` is there
/// where the job was made with a parameter set by its name. `final_url` is always there; `final_urls` with `delivery_mode=url` alone. Both are null until there is something to
/// link to.
#[derive(Debug, Serialize)]
pub(crate) struct StatusBody {
    job_id: JobId,
    status: &'static str,
    state: &'static str,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<ParamsBody>,
    progress: u8,
    final_url: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_urls: Option<Option<BTreeMap<&'static str, Url>>>,
    #[serde(flatten)]
    ending: Ending,
}

/// The named parameter set that a job was made with.
#[derive(Debug, Serialize)]
struct ParamsBody {
    name: SetName,
    /// Which state of it that was. A built-in one has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
}

impl ParamsBody {
    fn of(used: &JobParamSet) -> Option<Self> {
        Some(Self { name: used.name.clone()?, revision: used.revision.map(|revision| revision.to_string()) })
    }
}

/// What is only known at the end.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Ending {
    Pending {},
    Done {
        assets: BTreeMap<&'static str, Url>,
        /// Not there in jobs of versions that did not tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        confidence: Option<Confidence>,
        warnings: BTreeMap<String, Vec<String>>,
        ignored_variations: Vec<String>,
        pipeline_version: String,
        /// Until when the links work.
        expires_at: Option<Timestamp>,
    },
    Failed {
        error: Failure,
    },
}

impl StatusBody {
    /// The body for a job.
    ///
    /// # Errors
    /// 404 for a job that was never accepted; 500 if a done job has no link to its final picture, which
    /// its record rules out.
    pub(crate) fn of(view: JobView) -> Result<Self, ApiError> {
        let expires_at = view.links_expire_at();
        let JobView { job, links, assets } = view;
        let with_urls = job.spec.delivery == DeliveryMode::Url;
        let mut body = Self {
            job_id: job.id,
            status: "queued",
            state: "pending",
            mode: job.spec.mode.as_str(),
            params: job.spec.set.as_ref().and_then(ParamsBody::of),
            progress: job.progress,
            final_url: None,
            final_urls: with_urls.then_some(None),
            ending: Ending::Pending {},
        };
        match job.state {
            JobState::Queued { .. } => {}
            JobState::Running { step, .. } => body.status = step.status(),
            JobState::Done { outcome, .. } => {
                let mut urls: BTreeMap<_, _> =
                    links.into_iter().map(|(variation, link)| (variation, link.url)).collect();
                if with_urls {
                    body.final_urls = Some(Some(urls.into_iter().map(|(v, url)| (v.as_str(), url)).collect()));
                } else {
                    let url = urls.remove(&outcome.final_picture);
                    body.final_url = Some(url.ok_or(ApiError::Internal)?);
                }
                (body.status, body.state) = ("done", "done");
                body.ending = Ending::Done {
                    assets: assets.into_iter().map(|(kind, link)| (kind.as_str(), link.url)).collect(),
                    confidence: outcome.confidence,
                    warnings: outcome.warnings,
                    ignored_variations: outcome.ignored,
                    pipeline_version: outcome.pipeline_version,
                    expires_at,
                };
            }
            JobState::Failed { failure, .. } => {
                (body.status, body.state) = ("failed", "done");
                body.ending = Ending::Failed { error: failure };
            }
            JobState::Withdrawn { .. } => return Err(ApiError::NotFound),
        }
        Ok(body)
    }
}

/// Every parameter set that the caller can use.
#[derive(Debug, Serialize)]
pub(crate) struct SetsBody {
    params: Vec<SetLineBody>,
}

/// One of them.
#[derive(Debug, Serialize)]
struct SetLineBody {
    name: SetName,
    /// As it stands in the header, quotes and all.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
    built_in: bool,
}

impl SetsBody {
    /// The body for a list.
    pub(crate) fn of(lines: Vec<SetListing>) -> Self {
        let line = |SetListing { name, stored }: SetListing| SetLineBody {
            name,
            etag: stored.map(|(revision, _)| etag::of(&revision)),
            updated_at: stored.map(|(_, updated_at)| updated_at),
            built_in: stored.is_none(),
        };
        Self { params: lines.into_iter().map(line).collect() }
    }
}
