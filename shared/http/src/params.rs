//! `/api/v1/params`: the owner's parameter sets and the built-in ones.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use cutline_core::OwnerId;
use cutline_core::domain::limits::{MAX_PARAM_SETS, MAX_PARAMS_BYTES, thousands};
use cutline_core::domain::params::{ParamSet, SetName, presets};
use cutline_core::ports::{Keys, Precondition};
use cutline_core::usecases::{ParamSetLibrary, SetError};

use crate::admission::{Admitted, Gate};
use crate::api::Api;
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::field_errors::FieldErrors;
use crate::paging::PageRequest;
use crate::request_body::{BodyError, Caller, EMPTY, ENDED_EARLY, LONGER_THAN_DECLARED, RequestBody};
use crate::response::json;
use crate::responses::ParamSetsBody;
use crate::size::format_bytes;
use crate::{auth, budget, etag, json_object, media_type, validate};

/// The path of the list. A set's own path is this, a slash and its name.
pub(crate) const PREFIX: &str = "/api/v1/params";

/// Why `If-None-Match: *` failed.
const EXISTS: &str = "A parameter set with this name already exists; to replace it, send its ETag in If-Match.";

#[derive(Clone)]
struct ReadState {
    keys: Arc<dyn Keys>,
    sets: ParamSetLibrary,
}

#[derive(Clone)]
struct WriteState {
    gate: Gate,
    sets: ParamSetLibrary,
    budget: Option<BodyBudget>,
}

/// The route of the list, without methods if the API does not serve sets.
pub(crate) fn list_route(api: &Api) -> MethodRouter {
    match read_state(api) {
        Some(state) => routing::get(list).with_state(state),
        None => MethodRouter::new(),
    }
}

/// The route of one set, with the methods that the API serves.
pub(crate) fn set_route(api: &Api) -> MethodRouter {
    let mut route = MethodRouter::new();
    if let Some(state) = read_state(api) {
        route = route.merge(routing::get(get).with_state(state));
    }
    if let Some(sets) = api.set_changes.clone() {
        let state = WriteState { gate: Gate::new(api), sets, budget: api.budget.clone() };
        route = route.merge(routing::put(put).delete(delete).with_state(state));
    }
    route
}

fn read_state(api: &Api) -> Option<ReadState> {
    Some(ReadState { keys: api.keys.clone(), sets: api.sets.clone()? })
}

/// The name in the path.
type NameInPath = Result<Path<String>, PathRejection>;

/// The name as text. A name that is not UTF-8 becomes the empty name, which no set can have.
fn name_text(name: NameInPath) -> String {
    name.map(|Path(name)| name).unwrap_or_default()
}

/// Lists the sets that the caller can use, page by page.
async fn list(State(state): State<ReadState>, head: Parts) -> Result<Response, ApiError> {
    let owner = auth::owner(state.keys.as_ref(), &head).await?;
    let PageRequest { from, limit } = PageRequest::read(head.uri.query().unwrap_or_default())?;
    Ok(json(StatusCode::OK, &ParamSetsBody::new(state.sets.list(&owner, from, limit).await?)))
}

/// Returns a set's document.
async fn get(State(state): State<ReadState>, name: NameInPath, head: Parts) -> Result<Response, ApiError> {
    let owner = auth::owner(state.keys.as_ref(), &head).await?;
    let found = state.sets.get(&owner, &name_text(name)).await?.ok_or(ApiError::NotFound)?;
    let etag = etag::of_set(found.revision.as_ref());
    if etag::is_known(&head.headers, &etag)? {
        return with_header(StatusCode::NOT_MODIFIED.into_response(), ETAG, etag);
    }
    with_header(json(StatusCode::OK, &found.set), ETAG, etag)
}

/// Creates or replaces a set. The request is admitted before its body is read.
async fn put(State(state): State<WriteState>, name: NameInPath, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, mut body, usage, .. } = state.gate.admit(&head, body).await?;
    let change = SetChange { owner, name: &name_text(name), headers: &head.headers };
    let result = store(&state, change, &mut body).await;
    if result.is_err() {
        body.drain(state.gate.max_file_bytes, Caller::Known).await;
    }
    Ok(usage.mark(result))
}

/// A request to change a set.
struct SetChange<'a> {
    owner: OwnerId,
    name: &'a str,
    headers: &'a HeaderMap,
}

async fn store(state: &WriteState, change: SetChange<'_>, body: &mut RequestBody) -> Result<Response, ApiError> {
    let SetChange { owner, name, headers } = change;
    let precondition = put_precondition(name, headers)?;
    media_type::require_json(headers)?;
    let (name, set) = read_set(state, name, body).await?;
    let (stored, replaced) = match state.sets.put(&owner, name.clone(), set, &precondition).await {
        Ok(put) => put,
        Err(error) => return Err(change_error(error, &name, headers)),
    };
    let status = if replaced { StatusCode::OK } else { StatusCode::CREATED };
    let response = with_header(json(status, &stored.set), ETAG, etag::of_revision(&stored.revision))?;
    if replaced { Ok(response) } else { with_header(response, LOCATION, format!("{PREFIX}/{name}")) }
}

/// The condition of a PUT on what the owner has stored. Under a preset's name the built-in set counts as current until
/// the owner stores one.
fn put_precondition(name: &str, headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let precondition = etag::precondition(headers)?;
    if presets::find(name).is_none() {
        return Ok(precondition);
    }
    match precondition {
        Precondition::Absent => Err(ApiError::PreconditionFailed(EXISTS)),
        Precondition::Present => Ok(Precondition::Any),
        Precondition::OneOf(revisions) if revisions.is_empty() && etag::requires_built_in(headers)? => {
            Ok(Precondition::Absent)
        }
        Precondition::OneOf(_) | Precondition::Any => Ok(precondition),
    }
}

async fn read_set(state: &WriteState, name: &str, body: &mut RequestBody) -> Result<(SetName, ParamSet), ApiError> {
    let max_bytes = body.size_bound(MAX_PARAMS_BYTES).map_err(refusal)?;
    let _permit = budget::acquire(state.budget.as_ref(), max_bytes).await?;
    let document = body.collect(MAX_PARAMS_BYTES).await.map_err(refusal)?;
    let document = json_object::document(&document)?;
    Ok(validate::set(name, document)?)
}

/// Deletes a set.
async fn delete(State(state): State<WriteState>, name: NameInPath, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, body, usage, .. } = state.gate.admit(&head, body).await?;
    let result = remove(&state, SetChange { owner, name: &name_text(name), headers: &head.headers }).await;
    // A DELETE should have no body, but may.
    body.drain(state.gate.max_file_bytes, Caller::Known).await;
    Ok(usage.mark(result))
}

async fn remove(state: &WriteState, change: SetChange<'_>) -> Result<Response, ApiError> {
    let SetChange { owner, name, headers } = change;
    let precondition = etag::precondition(headers)?;
    let Ok(name) = name.parse::<SetName>() else { return Err(ApiError::NotFound) };
    match state.sets.delete(&owner, &name, &precondition).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(false) => Err(ApiError::NotFound),
        // 404 says more than 412 where there is nothing to delete.
        Err(SetError::Conflict) if state.sets.get(&owner, name.as_str()).await?.is_none() => Err(ApiError::NotFound),
        Err(error) => Err(change_error(error, &name, headers)),
    }
}

/// The response to a body that cannot be read.
fn refusal(error: BodyError) -> ApiError {
    match error {
        BodyError::TooLarge => {
            ApiError::TooLarge(format!("A parameter set may have at most {}.", format_bytes(MAX_PARAMS_BYTES)))
        }
        BodyError::LongerThanDeclared => ApiError::BadRequest(LONGER_THAN_DECLARED.to_owned()),
        BodyError::Empty => ApiError::BadRequest(EMPTY.to_owned()),
        // The other errors only occur in multipart bodies.
        _ => ApiError::BadRequest(ENDED_EARLY.to_owned()),
    }
}

/// The response to a change that was not made.
fn change_error(error: SetError, name: &SetName, headers: &HeaderMap) -> ApiError {
    match error {
        SetError::BuiltIn => ApiError::BuiltIn(name.to_string()),
        SetError::Conflict if headers.contains_key(IF_NONE_MATCH) => ApiError::PreconditionFailed(EXISTS),
        SetError::Conflict => ApiError::PreconditionFailed(
            "The stored parameter set does not match If-Match; get it again and send its current ETag.",
        ),
        SetError::TooMany => too_many_sets().into(),
        SetError::Unavailable(error) => error.into(),
    }
}

/// The fault of a new set beyond the limit, under the same field as a bad name.
fn too_many_sets() -> FieldErrors {
    let mut faults = FieldErrors::default();
    let limit = thousands(MAX_PARAM_SETS as u64);
    let message = format!("You have {limit} parameter sets, the most that can be stored; delete one or replace one.");
    faults.add("name", message);
    faults
}

/// Adds a header to a response.
fn with_header(mut response: Response, name: HeaderName, value: String) -> Result<Response, ApiError> {
    // Names, ids and versions are always valid header values.
    let value = HeaderValue::try_from(value).map_err(|_| ApiError::Internal)?;
    response.headers_mut().insert(name, value);
    Ok(response)
}
