//! `POST /api/v1/upload`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use cutline_core::OwnerId;
use cutline_core::ports::Keys;
use cutline_core::usecases::{Submission, Submit};

use crate::api::Api;
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::media_type::MediaType;
use crate::request_body::{Caller, RequestBody};
use crate::responses::accepted_job;
use crate::{auth, budget, fields, idempotency, validate};

#[derive(Clone)]
struct UploadState {
    keys: Arc<dyn Keys>,
    submit: Submit,
    budget: Option<BodyBudget>,
    max_file_bytes: usize,
}

/// The route, without methods if the API does not accept jobs.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(submit) = api.submit.clone() else { return MethodRouter::new() };
    post(upload).with_state(UploadState {
        keys: api.keys.clone(),
        submit,
        budget: api.budget.clone(),
        max_file_bytes: api.max_file_bytes,
    })
}

/// Creates a job. The key is checked before the body is read, so a caller without one cannot make us hold
/// a whole file in memory.
async fn upload(State(state): State<UploadState>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let (owner, mut body) = auth::owner_and_body(state.keys.as_ref(), &head, body, state.max_file_bytes).await?;
    let result = submit(&state, owner, &head.headers, &mut body).await;
    if result.is_err() {
        body.drain(state.max_file_bytes, Caller::Known).await;
    }
    result
}

async fn submit(
    state: &UploadState,
    owner: OwnerId,
    headers: &HeaderMap,
    body: &mut RequestBody,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency::key(headers)?;
    let media_type = MediaType::of_upload(headers)?;
    let max_bytes = media_type.size_bound(body, state.max_file_bytes)?;
    // Released once the file is stored. A refused body is drained without a permit.
    let _permit = budget::acquire(state.budget.as_ref(), max_bytes).await?;
    let fields = fields::read(&media_type, body, state.max_file_bytes).await?;
    let submission = validate::submission(owner, fields)?;
    let job = state.submit.run(Submission { idempotency_key, ..submission }).await?;
    accepted_job(&job)
}
