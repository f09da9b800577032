//! The bodies of successful responses. Members are in the order of the contract.

use std::collections::BTreeMap;

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use cutline_core::domain::attention::Attention;
use cutline_core::domain::correlation::{ExternalId, Metadata};
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::job::{JobParamSet, JobState, ListedStatus, Step, WaitingDraft};
use cutline_core::domain::outcome::{Outcome, RECUT};
use cutline_core::domain::output_name::OutputName;
use cutline_core::domain::params::SetName;
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::Link;
use cutline_core::usecases::{AcceptedJob, JobView, SetListing, SetPage};
use cutline_core::{AssetKind, Confidence, DeliveryMode, Failure, JobId, Variation};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use crate::error::ApiError;
use crate::idempotency::IDEMPOTENT_REPLAYED;
#[cfg(test)]
use crate::openapi::values;
use crate::response::json;
use crate::{etag, paging};

/// The answer to an accepted job.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = AcceptedJob))]
pub(crate) struct AcceptedBody {
    #[cfg_attr(test, schema(schema_with = values::job_id))]
    job_id: JobId,
    #[cfg_attr(test, schema(schema_with = values::job_status))]
    status: &'static str,
    #[cfg_attr(test, schema(schema_with = values::mode))]
    mode: &'static str,
}

/// How long a client should wait before it asks for the status, in seconds.
const POLL_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// The 202 of an accepted job.
///
/// # Errors
/// 500 if a header cannot be made, which an id rules out.
pub(crate) fn accepted_job(job: &AcceptedJob) -> Result<Response, ApiError> {
    let AcceptedJob { id, mode, is_replay } = *job;
    let body = AcceptedBody { job_id: id, status: "queued", mode: mode.as_str() };
    let mut response = json(StatusCode::ACCEPTED, &body);
    let status = HeaderValue::try_from(format!("/api/v1/status?job_id={id}")).map_err(|_| ApiError::Internal)?;
    response.headers_mut().insert(LOCATION, status);
    response.headers_mut().insert(RETRY_AFTER, POLL_AFTER_SECONDS);
    Ok(replayed(response, is_replay))
}

/// The response, marked if it answers a repeated request.
pub(crate) fn replayed(mut response: Response, is_replay: bool) -> Response {
    if is_replay {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// A job's status.
///
/// `status` is the current step, or how the job ended; `state` says only whether to keep polling.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Status))]
pub(crate) struct StatusBody {
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
    params: Option<JobParamsBody>,
    /// What the caller sent with the job.
    #[serde(flatten)]
    correlation: CorrelationBody,
    /// How far the job is, in percent. It never decreases.
    #[cfg_attr(test, schema(minimum = 0, maximum = 100))]
    progress: u8,
    #[serde(flatten)]
    #[cfg_attr(test, schema(value_type = values::Links))]
    links: LinksBody,
    #[serde(flatten)]
    #[cfg_attr(test, schema(value_type = values::Ended))]
    result: ResultBody,
}

/// The caller's own names for a job, as far as it sent them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Correlation))]
pub(crate) struct CorrelationBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::external_id))]
    pub(crate) external_id: Option<ExternalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::metadata))]
    pub(crate) metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::output_name))]
    pub(crate) output_name: Option<OutputName>,
}

/// The named parameter set that a job uses.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = JobParameterSet))]
struct JobParamsBody {
    #[cfg_attr(test, schema(schema_with = values::set_name))]
    name: SetName,
    /// A built-in set has no revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    revision: Option<String>,
}

impl JobParamsBody {
    fn new(set: &JobParamSet) -> Option<Self> {
        Some(Self { name: set.name.clone()?, revision: set.revision.map(|revision| revision.to_string()) })
    }
}

/// The links to the pictures, null until the job is done. Every body has `final_url`; only `delivery_mode=url`
/// adds `final_urls`, and then `final_url` stays null.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum LinksBody {
    FinalUrl { final_url: Option<Url> },
    Url { final_url: (), final_urls: Option<BTreeMap<&'static str, Url>> },
}

impl LinksBody {
    fn pending(delivery: DeliveryMode) -> Self {
        match delivery {
            DeliveryMode::FinalUrl => Self::FinalUrl { final_url: None },
            DeliveryMode::Url => Self::Url { final_url: (), final_urls: None },
        }
    }

    /// # Errors
    /// 500 if the final picture has no link, which the record of a done job rules out.
    fn done(
        delivery: DeliveryMode,
        final_picture: Variation,
        mut links: BTreeMap<Variation, Link>,
    ) -> Result<Self, ApiError> {
        Ok(match delivery {
            DeliveryMode::FinalUrl => {
                let link = links.remove(&final_picture).ok_or(ApiError::Internal)?;
                Self::FinalUrl { final_url: Some(link.url) }
            }
            DeliveryMode::Url => {
                let urls = links.into_iter().map(|(variation, link)| (variation.as_str(), link.url));
                Self::Url { final_url: (), final_urls: Some(urls.collect()) }
            }
        })
    }
}

/// The pictures of a job that is held for review. They become its result if it is approved. While the job is cut again, they
/// are those of the revision before.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Draft))]
pub(crate) struct DraftBody {
    /// Numbers the result. Send it with the decision.
    #[cfg_attr(test, schema(minimum = 1))]
    revision: u32,
    /// When the job fails if nobody has decided.
    deadline: Timestamp,
    #[serde(flatten)]
    #[cfg_attr(test, schema(value_type = values::Links))]
    links: LinksBody,
}

/// The members that only a job with a result has.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResultBody {
    Pending {},
    Review {
        draft: DraftBody,
        assets: BTreeMap<&'static str, Url>,
        #[serde(skip_serializing_if = "Option::is_none")]
        confidence: Option<Confidence>,
        #[serde(skip_serializing_if = "Option::is_none")]
        crop_box: Option<PixelBox>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        attention: Vec<Attention>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pixel_check: Option<PixelCheck>,
        warnings: BTreeMap<String, Vec<String>>,
        ignored_variations: Vec<String>,
        pipeline_version: String,
        expires_at: Option<Timestamp>,
    },
    Done {
        assets: BTreeMap<&'static str, Url>,
        /// Missing in jobs of versions that did not record it.
        #[serde(skip_serializing_if = "Option::is_none")]
        confidence: Option<Confidence>,
        /// Present if any picture was cropped.
        #[serde(skip_serializing_if = "Option::is_none")]
        crop_box: Option<PixelBox>,
        /// Present if a person should look at a part of the cut.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        attention: Vec<Attention>,
        /// Present if the job asks for a depth or a color space and has a file to check.
        #[serde(skip_serializing_if = "Option::is_none")]
        pixel_check: Option<PixelCheck>,
        warnings: BTreeMap<String, Vec<String>>,
        ignored_variations: Vec<String>,
        pipeline_version: String,
        /// When the links stop working.
        expires_at: Option<Timestamp>,
    },
    Failed {
        error: Failure,
    },
}

impl ResultBody {
    fn review(
        draft: DraftBody,
        outcome: Outcome,
        assets: BTreeMap<AssetKind, Link>,
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self::Review {
            draft,
            assets: urls(assets),
            confidence: outcome.confidence,
            crop_box: outcome.crop_box,
            attention: outcome.attention,
            pixel_check: outcome.pixel_check,
            warnings: outcome.warnings,
            ignored_variations: outcome.ignored,
            pipeline_version: outcome.pipeline_version,
            expires_at,
        }
    }

    fn done(outcome: Outcome, assets: BTreeMap<AssetKind, Link>, expires_at: Option<Timestamp>) -> Self {
        Self::Done {
            assets: urls(assets),
            confidence: outcome.confidence,
            crop_box: outcome.crop_box,
            attention: outcome.attention,
            pixel_check: outcome.pixel_check,
            warnings: outcome.warnings,
            ignored_variations: outcome.ignored,
            pipeline_version: outcome.pipeline_version,
            expires_at,
        }
    }
}

fn urls(assets: BTreeMap<AssetKind, Link>) -> BTreeMap<&'static str, Url> {
    assets.into_iter().map(|(kind, link)| (kind.as_str(), link.url)).collect()
}

/// The status of a job that is held for review.
const PENDING_REVIEW: &str = ListedStatus::PendingReview.as_str();

impl StatusBody {
    /// # Errors
    /// 404 for a job that was never accepted; 500 if a done job has no link to its final picture.
    pub(crate) fn new(view: JobView) -> Result<Self, ApiError> {
        let expires_at = view.links_expire_at();
        let JobView { job, links, assets } = view;
        let (delivery, step) = (job.spec.delivery, job.step());
        let waiting = job.recut_in_progress().map(|(recut, draft)| (recut.of, draft.clone()));
        let mut body = Self {
            job_id: job.id,
            status: "queued",
            state: "pending",
            mode: job.spec.mode.as_str(),
            params: job.spec.set.as_ref().and_then(JobParamsBody::new),
            correlation: CorrelationBody {
                external_id: job.spec.external_id,
                metadata: job.spec.metadata,
                output_name: job.spec.output_name,
            },
            progress: job.progress,
            links: LinksBody::pending(delivery),
            result: ResultBody::Pending {},
        };
        match job.state {
            JobState::Queued { .. } | JobState::Running { .. } => {
                body.status = step.map_or("queued", Step::status);
                if let Some((revision, WaitingDraft { outcome, deadline, .. })) = waiting {
                    let links = LinksBody::done(delivery, outcome.final_picture, links)?;
                    let draft = DraftBody { revision: revision.get(), deadline, links };
                    body.result = ResultBody::review(draft, outcome, assets, expires_at);
                }
            }
            JobState::Review { revision, outcome, deadline, .. } => {
                body.status = PENDING_REVIEW;
                let links = LinksBody::done(delivery, outcome.final_picture, links)?;
                let draft = DraftBody { revision: revision.get(), deadline, links };
                body.result = ResultBody::review(draft, outcome, assets, expires_at);
            }
            JobState::Done { outcome, .. } => {
                (body.status, body.state) = ("done", "done");
                body.links = LinksBody::done(delivery, outcome.final_picture, links)?;
                body.result = ResultBody::done(outcome, assets, expires_at);
            }
            JobState::Failed { failure, .. } => {
                (body.status, body.state) = ("failed", "done");
                body.result = ResultBody::Failed { error: failure };
            }
            JobState::Withdrawn { .. } => return Err(ApiError::NotFound),
        }
        Ok(body)
    }

    /// The same status, without the warning that the last recut of a held job failed. Such a recut is no event, and the
    /// event about the draft may still be sent again.
    pub(crate) fn without_recut_warning(mut self) -> Self {
        if let ResultBody::Review { warnings, .. } = &mut self.result {
            warnings.remove(RECUT);
        }
        self
    }
}

/// A page of the parameter sets that the caller can use.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = ParameterSetList))]
pub(crate) struct ParamSetsBody {
    params: Vec<ParamSetEntry>,
    /// Leads to the next page. Missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    cursor: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = ParameterSetEntry))]
struct ParamSetEntry {
    #[cfg_attr(test, schema(schema_with = values::set_name))]
    name: SetName,
    /// The tag as in the header, with its quotes. A built-in set has none in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    updated_at: Option<Timestamp>,
    built_in: bool,
}

impl ParamSetsBody {
    pub(crate) fn new(page: SetPage) -> Self {
        let entry = |SetListing { name, stored }: SetListing| ParamSetEntry {
            name,
            etag: stored.map(|(revision, _)| etag::of_revision(&revision)),
            updated_at: stored.map(|(_, updated_at)| updated_at),
            built_in: stored.is_none(),
        };
        Self { params: page.sets.into_iter().map(entry).collect(), cursor: page.next.as_ref().map(paging::encode) }
    }
}
