//! `POST /api/v1/jobs/<id>/approve` and `…/reject`: deciding about a job that is held for review.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{self, MethodRouter};
use cutline_core::JobId;
use cutline_core::domain::decision::DraftRevision;
use cutline_core::domain::job::{DecisionRefused, Job, ReviewDecision};
use cutline_core::usecases::{Review, ReviewError};
use serde::Serialize;

use crate::admission::{Admitted, Gate};
use crate::api::Api;
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::field::Fields;
use crate::field_errors::FieldErrors;
use crate::jobs::{IdInPath, job_id};
use crate::media_type::MediaType;
#[cfg(test)]
use crate::openapi::values;
use crate::request_body::{Caller, RequestBody};
use crate::response::json;
use crate::review_status::ReviewBody;
use crate::{budget, fields, media_type, recuts, validate};

#[derive(Clone)]
struct ReviewState {
    gate: Gate,
    review: Review,
    budget: Option<BodyBudget>,
    read: fn(Fields) -> Result<(DraftRevision, ReviewDecision), FieldErrors>,
}

/// The route that approves, without methods if the API does not serve reviews.
pub(crate) fn approve_route(api: &Api) -> MethodRouter {
    route(api, validate::approval)
}

/// The route that rejects, without methods if the API does not serve reviews.
pub(crate) fn reject_route(api: &Api) -> MethodRouter {
    route(api, validate::rejection)
}

fn route(api: &Api, read: fn(Fields) -> Result<(DraftRevision, ReviewDecision), FieldErrors>) -> MethodRouter {
    let Some(review) = api.review.clone() else { return MethodRouter::new() };
    routing::post(decide).with_state(ReviewState { gate: Gate::new(api), review, budget: api.budget.clone(), read })
}

/// Decides about a job. The request is admitted before its body is read.
async fn decide(State(state): State<ReviewState>, id: IdInPath, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, actor, mut body, usage, .. } = state.gate.admit_reviewer(&head, body).await?;
    let result = async {
        let id = job_id(id)?;
        let (revision, decision) = state.decision(&head.headers, &mut body).await?;
        Ok(state.review.decide(&owner, id, revision, decision, actor).await?)
    };
    let result: Result<Job, ApiError> = result.await;
    if result.is_err() {
        body.drain(state.gate.max_file_bytes, Caller::Known).await;
    }
    Ok(usage.mark(result.map(|job| json(StatusCode::OK, &DecidedBody::new(&job)))))
}

impl ReviewState {
    async fn decision(
        &self,
        headers: &HeaderMap,
        body: &mut RequestBody,
    ) -> Result<(DraftRevision, ReviewDecision), ApiError> {
        media_type::require_json(headers)?;
        let max_bytes = self.gate.max_file_bytes;
        let _permit = budget::acquire(self.budget.as_ref(), MediaType::Json.size_bound(body, max_bytes)?).await?;
        Ok((self.read)(fields::read(&MediaType::Json, body, max_bytes).await?)?)
    }
}

/// The answer: the job has ended.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = DecidedJob))]
pub(crate) struct DecidedBody {
    #[cfg_attr(test, schema(schema_with = values::job_id))]
    job_id: JobId,
    #[cfg_attr(test, schema(schema_with = values::job_status))]
    status: &'static str,
    #[cfg_attr(test, schema(required))]
    review: Option<ReviewBody>,
}

impl DecidedBody {
    fn new(job: &Job) -> Self {
        Self { job_id: job.id, status: job.state.name(), review: job.decision.as_ref().map(ReviewBody::new) }
    }
}

impl From<ReviewError> for ApiError {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::NotFound => Self::NotFound,
            ReviewError::Refused(DecisionRefused::NotHeld) => Self::Conflict {
                code: "not_held",
                message: "The job is not held for review: it is still in progress, or has ended. Ask for its status.",
            },
            ReviewError::Refused(DecisionRefused::Empty) => Self::Conflict {
                code: "empty_draft",
                message: "The draft is empty, since no subject was found; correct the cut by the job's path /recut, or reject \
                          the job.",
            },
            ReviewError::Refused(DecisionRefused::Recutting) => recuts::IN_PROGRESS,
            ReviewError::Refused(DecisionRefused::Stale { .. }) => recuts::STALE,
            ReviewError::Unavailable(error) => error.into(),
        }
    }
}
