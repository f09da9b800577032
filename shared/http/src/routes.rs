//! The handlers: who asks, what for, the use case, the answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use cutline_core::JobId;
use cutline_core::ports::Keys;
use cutline_core::usecases::Status;
use cutline_core::usecases::Submit;

use crate::bodies::{Accepted, StatusBody, json};
use crate::body::Incoming;
use crate::budget::BodyBudget;
use crate::error::{ApiError, FieldErrors};
use crate::fields::MediaType;
use crate::{auth, fields, validate};

/// What `POST /api/v1/upload` needs.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) submit: Submit,
    pub(crate) budget: Option<BodyBudget>,
    pub(crate) max_file_bytes: usize,
}

/// What `GET /api/v1/status` needs.
#[derive(Clone)]
pub(crate) struct StatusOf {
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) status: Status,
}

/// Takes a job in. The key comes before the body, so that nobody without one can make us keep 50 MB.
pub(crate) async fn upload(State(api): State<Upload>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let mut body = Incoming::new(&head.headers, body);
    let result = take_in(&api, &head.headers, &mut body).await;
    if result.is_err() {
        body.drain(api.max_file_bytes).await;
    }
    result
}

async fn take_in(api: &Upload, headers: &HeaderMap, body: &mut Incoming) -> Result<Response, ApiError> {
    let owner = auth::owner(api.keys.as_ref(), headers).await?;
    let media_type = MediaType::of(headers)?;
    let most = media_type.most_of(body, api.max_file_bytes)?;
    // Until the file is stored; a body that is refused is drained without.
    let _held = match &api.budget {
        Some(budget) => Some(budget.hold(most).await?),
        None => None,
    };
    let fields = fields::read(media_type, body, api.max_file_bytes).await?;
    let submission = validate::submission(owner, fields)?;
    let job = api.submit.run(submission).await?;
    Ok(json(StatusCode::ACCEPTED, &Accepted::of(&job)))
}

/// Refuses a request that no handler reads.
pub(crate) async fn refuse(request: Request, error: ApiError, max_file_bytes: usize) -> ApiError {
    let (head, body) = request.into_parts();
    Incoming::new(&head.headers, body).drain(max_file_bytes).await;
    error
}

/// Tells how a job stands.
pub(crate) async fn status(State(api): State<StatusOf>, headers: HeaderMap, uri: Uri) -> Result<Response, ApiError> {
    let owner = auth::owner(api.keys.as_ref(), &headers).await?;
    let id = job_id(uri.query().unwrap_or_default())?;
    let view = api.status.run(&owner, id).await?.ok_or(ApiError::NotFound)?;
    Ok(json(StatusCode::OK, &StatusBody::of(view)?))
}

/// The one `job_id` of a query. Text that is no UUID is a fault of the field: no job could have such an id.
fn job_id(query: &str) -> Result<JobId, FieldErrors> {
    let mut sent = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "job_id");
    let fault = match (sent.next(), sent.next()) {
        (None, _) => "You must provide job_id",
        (Some(_), Some(_)) => validate::SENT_TWICE,
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
