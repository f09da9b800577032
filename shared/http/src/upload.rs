//! `POST /api/v1/upload`.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use cutline_core::OwnerId;
use cutline_core::domain::keys::Owner;
use cutline_core::ports::PortError;
use cutline_core::usecases::{AcceptedJob, JobView, Status, Submission, Submit};

use crate::admission::{Admitted, Gate};
use crate::api::Api;
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::media_type::MediaType;
use crate::request_body::{Caller, RequestBody};
use crate::response::json;
use crate::responses::{StatusBody, accepted_job, replayed};
use crate::validate::Reach;
use crate::waiting::Waiting;
use crate::webhook_url::WebhookReach;
use crate::{budget, fields, idempotency, prefer, validate};

#[derive(Clone)]
struct UploadState {
    gate: Gate,
    submit: Submit,
    /// For callers that wait for the end of their job.
    status: Option<Status>,
    waiting: Option<Waiting>,
    budget: Option<BodyBudget>,
    webhook_reach: WebhookReach,
}

/// The route, without methods if the API does not accept jobs.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(submit) = api.submit.clone() else { return MethodRouter::new() };
    post(upload).with_state(UploadState {
        gate: Gate::new(api),
        submit,
        status: api.status.clone(),
        waiting: api.waiting.clone(),
        budget: api.budget.clone(),
        webhook_reach: api.webhook_reach,
    })
}

/// Creates a job. The request is admitted before its body is read, so a caller without a key cannot make us hold a whole
/// file in memory.
async fn upload(State(state): State<UploadState>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, settings, mut body, usage, .. } = state.gate.admit_uploader(&head, body).await?;
    let result = submit(&state, UploadHead { owner: &owner, settings, headers: &head.headers }, &mut body).await;
    if result.is_err() {
        body.drain(state.gate.max_file_bytes, Caller::Known).await;
    }
    let answer = match result {
        Ok(job) => answer(&state, &owner, &head.headers, &job).await,
        Err(error) => Err(error),
    };
    Ok(usage.mark(answer))
}

/// A request before its body is read.
struct UploadHead<'a> {
    owner: &'a OwnerId,
    settings: Option<Owner>,
    headers: &'a HeaderMap,
}

/// The status of a job that ends while its caller waits, else the 202.
async fn answer(
    state: &UploadState,
    owner: &OwnerId,
    headers: &HeaderMap,
    job: &AcceptedJob,
) -> Result<Response, ApiError> {
    let granted = prefer::granted(headers, state.waiting.as_ref())?;
    if let Some(((waiting, wait), status)) = granted.zip(state.status.as_ref())
        && let Some(body) = ended(waiting.for_end(status, owner, job.id, wait).await)
    {
        return Ok(prefer::applied(replayed(json(StatusCode::OK, &body), job.is_replay)));
    }
    accepted_job(job)
}

/// The status of a job that has ended. The job is accepted, so no fault is worth an error here.
fn ended(waited: Result<Option<JobView>, PortError>) -> Option<StatusBody> {
    match waited {
        Ok(view) => view.filter(|view| view.job.has_ended()).and_then(|view| StatusBody::new(view).ok()),
        Err(error) => {
            tracing::warn!(%error, "cannot wait for the end of a job");
            None
        }
    }
}

async fn submit(state: &UploadState, head: UploadHead<'_>, body: &mut RequestBody) -> Result<AcceptedJob, ApiError> {
    let UploadHead { owner, settings, headers } = head;
    let max_file_bytes = state.gate.max_file_bytes;
    let idempotency_key = idempotency::key(headers)?;
    // An invalid wait is refused before anything is stored.
    prefer::granted(headers, state.waiting.as_ref())?;
    let media_type = MediaType::of_upload(headers)?;
    let max_bytes = media_type.size_bound(body, max_file_bytes)?;
    // Released once the file is stored. A refused body is drained without a permit.
    let _permit = budget::acquire(state.budget.as_ref(), max_bytes).await?;
    let fields = fields::read(&media_type, body, max_file_bytes).await?;
    let reach = Reach { webhooks: state.webhook_reach, undecodable: state.submit.env.undecodable };
    let submission = validate::submission_within(owner.clone(), fields, reach)?;
    Ok(state.submit.run(Submission { settings, idempotency_key, ..submission }).await?)
}
