//! `POST /api/v1/upload`.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use cutline_core::OwnerId;
use cutline_core::domain::keys::Owner;
use cutline_core::usecases::{AcceptedJob, Status, Submission, Submit};

use crate::admission::{Admitted, Gate};
use crate::api::Api;
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::media_type::MediaType;
use crate::request_body::{Caller, RequestBody};
use crate::response::json;
use crate::responses::{StatusBody, accepted_job, replayed};
use crate::{budget, fields, idempotency, prefer, validate};

#[derive(Clone)]
struct UploadState {
    gate: Gate,
    submit: Submit,
    /// For callers that wait for the end of their job.
    status: Option<Status>,
    max_wait: Duration,
    budget: Option<BodyBudget>,
}

/// The route, without methods if the API does not accept jobs.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(submit) = api.submit.clone() else { return MethodRouter::new() };
    post(upload).with_state(UploadState {
        gate: Gate::new(api),
        submit,
        status: api.status.clone(),
        max_wait: api.max_wait,
        budget: api.budget.clone(),
    })
}

/// Creates a job. The request is admitted before its body is read, so a caller without a key cannot make us hold a whole
/// file in memory.
async fn upload(State(state): State<UploadState>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, settings, mut body, usage } = state.gate.admit(&head, body).await?;
    let result = submit(&state, UploadHead { owner: &owner, settings, headers: &head.headers }, &mut body).await;
    if result.is_err() {
        body.drain(state.gate.max_file_bytes, Caller::Known).await;
    }
    let answer = match result {
        Ok(accepted) => answer(&state, &owner, accepted).await,
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

/// A job that was accepted, and how long its caller wants to wait for its end.
struct Accepted {
    job: AcceptedJob,
    wait: Duration,
}

/// The status of a job that ends in time, else the 202.
async fn answer(state: &UploadState, owner: &OwnerId, accepted: Accepted) -> Result<Response, ApiError> {
    let Accepted { job, wait } = accepted;
    if let Some(status) = state.status.as_ref().filter(|_| !wait.is_zero()) {
        // The job is accepted, whatever happens here.
        let ended = status.wait(owner, job.id, wait).await.ok().flatten().filter(|view| view.job.has_ended());
        if let Some(view) = ended {
            let response = replayed(json(StatusCode::OK, &StatusBody::new(view)?), job.is_replay);
            return Ok(prefer::applied(response));
        }
    }
    accepted_job(&job)
}

async fn submit(state: &UploadState, head: UploadHead<'_>, body: &mut RequestBody) -> Result<Accepted, ApiError> {
    let UploadHead { owner, settings, headers } = head;
    let max_file_bytes = state.gate.max_file_bytes;
    let idempotency_key = idempotency::key(headers)?;
    let wait = prefer::wait(headers)?.unwrap_or_default().min(state.max_wait);
    let media_type = MediaType::of_upload(headers)?;
    let max_bytes = media_type.size_bound(body, max_file_bytes)?;
    // Released once the file is stored. A refused body is drained without a permit.
    let _permit = budget::acquire(state.budget.as_ref(), max_bytes).await?;
    let fields = fields::read(&media_type, body, max_file_bytes).await?;
    let submission = validate::submission(owner.clone(), fields)?;
    let job = state.submit.run(Submission { settings, idempotency_key, ..submission }).await?;
    Ok(Accepted { job, wait })
}
