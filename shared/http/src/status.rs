//! `GET /api/v1/status`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use cutline_core::JobId;
use cutline_core::ports::Keys;
use cutline_core::usecases::Status;

use crate::api::Api;
use crate::error::ApiError;
use crate::field_errors::{FieldErrors, SENT_TWICE};
use crate::response::json;
use crate::responses::StatusBody;
use crate::waiting::Waiting;
use crate::{auth, prefer};

#[derive(Clone)]
struct StatusState {
    keys: Arc<dyn Keys>,
    status: Status,
    waiting: Option<Waiting>,
}

/// The route, without methods if the API does not serve the status.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(status) = api.status.clone() else { return MethodRouter::new() };
    get(job_status).with_state(StatusState { keys: api.keys.clone(), status, waiting: api.waiting.clone() })
}

async fn job_status(State(state): State<StatusState>, head: Parts) -> Result<Response, ApiError> {
    let owner = auth::owner(state.keys.as_ref(), &head).await?;
    let id = job_id(head.uri.query().unwrap_or_default())?;
    let granted = prefer::granted(&head.headers, state.waiting.as_ref())?;
    let view = match granted {
        Some((waiting, wait)) => waiting.for_end(&state.status, &owner, id, wait).await?,
        None => state.status.run(&owner, id).await?,
    };
    let view = view.ok_or(ApiError::NotFound)?;
    let has_ended = view.job.has_ended();
    let response = json(StatusCode::OK, &StatusBody::new(view)?);
    Ok(if granted.is_some() && has_ended { prefer::applied(response) } else { response })
}

/// The single `job_id` of a query. Text that is not a UUID is a validation error: no job can have that id.
fn job_id(query: &str) -> Result<JobId, FieldErrors> {
    let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "job_id");
    let fault = match (values.next(), values.next()) {
        (None, _) => "You must provide job_id",
        (Some(_), Some(_)) => SENT_TWICE,
        (Some((_, text)), None) if text.is_empty() => "You must provide job_id",
        (Some((_, text)), None) => match text.parse() {
            Ok(id) => return Ok(id),
            Err(_) => "This value is not a valid UUID.",
        },
    };
    let mut faults = FieldErrors::default();
    faults.add("job_id", fault);
    Err(faults)
}
