//! `POST /api/v1/upload`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use cutline_core::OwnerId;
use cutline_core::ports::Keys;
use cutline_core::usecases::{AcceptedJob, Status, Submission, Submit};

use crate::api::Api;
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::media_type::MediaType;
use crate::request_body::{Caller, RequestBody};
use crate::response::json;
use crate::responses::{StatusBody, accepted_job, replayed};
use crate::{auth, budget, fields, idempotency, prefer, validate};

#[derive(Clone)]
struct UploadState {
    keys: Arc<dyn Keys>,
    submit: Submit,
    /// For callers that wait for the end of their job.
    status: Option<Status>,
    max_wait: Duration,
    budget: Option<BodyBudget>,
    max_file_bytes: usize,
}

/// The route, without methods if the API does not accept jobs.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(submit) = api.submit.clone() else { return MethodRouter::new() };
    post(upload).with_state(UploadState {
        keys: api.keys.clone(),
        submit,
        status: api.status.clone(),
        max_wait: api.max_wait,
        budget: api.budget.clone(),
        max_file_bytes: api.max_file_bytes,
    })
}

/// Creates a job. The key is checked before the body is read, so a caller without one cannot make us hold
/// a whole file in memory.
async fn upload(State(state): State<UploadState>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let (owner, mut body) = auth::owner_and_body(state.keys.as_ref(), &head, body, state.max_file_bytes).await?;
    let result = submit(&state, &owner, &head.headers, &mut body).await;
    if result.is_err() {
        body.drain(state.max_file_bytes, Caller::Known).await;
    }
    answer(&state, &owner, result?).await
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

async fn submit(
    state: &UploadState,
    owner: &OwnerId,
    headers: &HeaderMap,
    body: &mut RequestBody,
) -> Result<Accepted, ApiError> {
    let idempotency_key = idempotency::key(headers)?;
    let wait = prefer::wait(headers)?.unwrap_or_default().min(state.max_wait);
    let media_type = MediaType::of_upload(headers)?;
    let max_bytes = media_type.size_bound(body, state.max_file_bytes)?;
    // Released once the file is stored. A refused body is drained without a permit.
    let _permit = budget::acquire(state.budget.as_ref(), max_bytes).await?;
    let fields = fields::read(&media_type, body, state.max_file_bytes).await?;
    let submission = validate::submission(owner.clone(), fields)?;
    let job = state.submit.run(Submission { idempotency_key, ..submission }).await?;
    Ok(Accepted { job, wait })
}
