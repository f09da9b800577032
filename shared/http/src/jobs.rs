//! `/api/v1/jobs`: the caller's jobs as a list, and one of them to look at, repeat or delete.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use cutline_core::domain::audit::Actor;
use cutline_core::domain::keys::Owner;
use cutline_core::usecases::{AuditLog, Delete, JobList, Retry, Status};
use cutline_core::{JobId, OwnerId};

use crate::admission::{Admitted, Gate};
use crate::api::Api;
use crate::error::ApiError;
use crate::job_bodies::{JobBody, JobsBody};
use crate::job_query::JobListRequest;
use crate::request_body;
use crate::response::json;
use crate::responses::accepted_job;
use crate::{auth, idempotency};

/// The path of the list. A job's own path is this, a slash and its id.
pub(crate) const PREFIX: &str = "/api/v1/jobs";

#[derive(Clone)]
pub(crate) struct JobsState<U> {
    gate: Gate,
    pub(crate) use_case: U,
}

impl<U> JobsState<U> {
    pub(crate) fn new(api: &Api, use_case: U) -> Self {
        Self { gate: Gate::new(api), use_case }
    }
}

/// The route of the list, without methods if the API does not list jobs.
pub(crate) fn list_route(api: &Api) -> MethodRouter {
    match &api.jobs {
        Some(jobs) => routing::get(list).with_state(JobsState::new(api, jobs.clone())),
        None => MethodRouter::new(),
    }
}

/// The route of one job, with the methods that the API serves.
pub(crate) fn job_route(api: &Api) -> MethodRouter {
    let mut route = MethodRouter::new();
    if let Some((status, _)) = api.status.clone().zip(api.jobs.as_ref()) {
        let history = JobHistory { status, audit: api.audit.clone() };
        route = route.merge(routing::get(get).with_state(JobsState::new(api, history)));
    }
    if let Some(deletion) = api.delete.clone() {
        route = route.merge(routing::delete(delete).with_state(JobsState::new(api, deletion)));
    }
    route
}

/// The route that repeats a job, without methods if the API does not.
pub(crate) fn retry_route(api: &Api) -> MethodRouter {
    match &api.retry {
        Some(again) => routing::post(retry).with_state(JobsState::new(api, again.clone())),
        None => MethodRouter::new(),
    }
}

/// The id in the path.
pub(crate) type IdInPath = Result<Path<String>, PathRejection>;

/// # Errors
/// 404 for a text that is not a UUID: no job has that id.
pub(crate) fn job_id(id: IdInPath) -> Result<JobId, ApiError> {
    id.ok().and_then(|Path(id)| id.parse().ok()).ok_or(ApiError::NotFound)
}

/// Lists the caller's jobs, page by page.
async fn list(State(state): State<JobsState<JobList>>, head: Parts) -> Result<Response, ApiError> {
    let owner = auth::owner(state.gate.keys.as_ref(), &head).await?;
    let JobListRequest { filter, before, limit } = JobListRequest::read(&owner, head.uri.query().unwrap_or_default())?;
    let listing = state.use_case.run(&owner, &filter, before, limit).await?;
    Ok(json(StatusCode::OK, &JobsBody::new(&owner, listing)))
}

/// Reports one job.
#[derive(Clone)]
struct JobHistory {
    status: Status,
    audit: Option<AuditLog>,
}

/// Returns a job's status and its history.
async fn get(State(state): State<JobsState<JobHistory>>, id: IdInPath, head: Parts) -> Result<Response, ApiError> {
    let owner = auth::owner(state.gate.keys.as_ref(), &head).await?;
    let JobHistory { status, audit } = &state.use_case;
    let id = job_id(id)?;
    let view = status.run(&owner, id).await?.ok_or(ApiError::NotFound)?;
    let entries = match audit {
        Some(audit) => audit.of_job(&owner, id).await?,
        None => Vec::new(),
    };
    Ok(json(StatusCode::OK, &JobBody::new(view, entries)?))
}

/// Repeats a job that has ended as a new one.
async fn retry(State(state): State<JobsState<Retry>>, id: IdInPath, request: Request) -> Result<Response, ApiError> {
    let key = idempotency::key(request.headers());
    without_body(&state, request, async |Caller { owner, actor, settings }| {
        let retry = Retry { actor, ..state.use_case.clone() };
        let job = retry.run(&owner, settings, job_id(id)?, key?.as_ref()).await?;
        accepted_job(&job)
    })
    .await
}

/// Deletes a job.
async fn delete(State(state): State<JobsState<Delete>>, id: IdInPath, request: Request) -> Result<Response, ApiError> {
    without_body(&state, request, async |Caller { owner, actor, .. }| {
        let deletion = Delete { actor, ..state.use_case.clone() };
        match deletion.run(&owner, job_id(id)?).await? {
            true => Ok(StatusCode::NO_CONTENT.into_response()),
            false => Err(ApiError::NotFound),
        }
    })
    .await
}

/// Who sent a request that was admitted.
pub(crate) struct Caller {
    pub(crate) owner: OwnerId,
    actor: Actor,
    settings: Option<Owner>,
}

/// Answers a request that should have no body, but may.
pub(crate) async fn without_body<U>(
    state: &JobsState<U>,
    request: Request,
    answer: impl AsyncFnOnce(Caller) -> Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, actor, settings, body, usage } = state.gate.admit(&head, body).await?;
    let result = answer(Caller { owner, actor, settings }).await;
    body.drain(state.gate.max_file_bytes, request_body::Caller::Known).await;
    Ok(usage.mark(result))
}
