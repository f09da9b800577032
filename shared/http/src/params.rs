//! The handlers of `/api/v1/params`: an owner's parameter sets, and the built-in ones.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cutline_core::domain::params::{MAX_BYTES, SetName};
use cutline_core::ports::{Keys, Precondition};
use cutline_core::usecases::{ParamSetLibrary, SetError};

use crate::bodies::{SetsBody, json};
use crate::body::{BodyFault, Incoming};
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::fields::{self, MediaType};
use crate::{auth, etag, size, validate};

/// Where the sets are. A set's own path is this, a slash and its name.
pub(crate) const PREFIX: &str = "/api/v1/params";

/// What reading sets needs.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) sets: ParamSetLibrary,
}

/// What changing them needs.
#[derive(Clone)]
pub(crate) struct Changing {
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) sets: ParamSetLibrary,
    pub(crate) budget: Option<BodyBudget>,
    pub(crate) max_file_bytes: usize,
}

/// The name in the path. One that is no text is no set's, and neither is the empty one.
type Name = Result<Path<String>, PathRejection>;

fn text_of(name: Name) -> String {
    name.map(|Path(name)| name).unwrap_or_default()
}

/// Lists every set that the caller can use.
pub(crate) async fn list(State(api): State<Reading>, headers: HeaderMap) -> Result<Response, ApiError> {
    let owner = auth::owner(api.keys.as_ref(), &headers).await?;
    Ok(json(StatusCode::OK, &SetsBody::of(api.sets.list(&owner).await?)))
}

/// Gives a set's document.
pub(crate) async fn get(State(api): State<Reading>, name: Name, headers: HeaderMap) -> Result<Response, ApiError> {
    let owner = auth::owner(api.keys.as_ref(), &headers).await?;
    let found = api.sets.get(&owner, &text_of(name)).await?.ok_or(ApiError::NotFound)?;
    let etag = etag::of_any(found.revision.as_ref());
    if etag::is_known(&headers, &etag)? {
        return with(StatusCode::NOT_MODIFIED.into_response(), ETAG, etag);
    }
    with(json(StatusCode::OK, &found.set), ETAG, etag)
}

/// Stores a set, new or in place of another. The key comes before the body.
pub(crate) async fn put(State(api): State<Changing>, name: Name, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let mut body = Incoming::new(&head.headers, body);
    let result = store(&api, &text_of(name), &head.headers, &mut body).await;
    if result.is_err() {
        body.drain(api.max_file_bytes).await;
    }
    result
}

async fn store(api: &Changing, name: &str, headers: &HeaderMap, body: &mut Incoming) -> Result<Response, ApiError> {
    let owner = auth::owner(api.keys.as_ref(), headers).await?;
    let precondition = etag::precondition(headers)?;
    MediaType::json_alone(headers)?;
    let most = body.at_most(MAX_BYTES).map_err(refusal)?;
    let _held = match &api.budget {
        Some(budget) => Some(budget.hold(most).await?),
        None => None,
    };
    let document = body.collect(MAX_BYTES).await.map_err(refusal)?;
    let document = serde_json::from_slice(&document).map_err(|error| fields::not_json(&error))?;
    let (name, set) = validate::set(name, document)?;
    let (stored, replaced) = match api.sets.put(&owner, name.clone(), set, &precondition).await {
        Ok(put) => put,
        Err(error) => return Err(not_changed(error, &name, &precondition)),
    };
    let status = if replaced { StatusCode::OK } else { StatusCode::CREATED };
    let answer = with(json(status, &stored.set), ETAG, etag::of(&stored.revision))?;
    if replaced { Ok(answer) } else { with(answer, LOCATION, format!("{PREFIX}/{name}")) }
}

/// Deletes a set.
pub(crate) async fn delete(State(api): State<Changing>, name: Name, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let result = remove(&api, &text_of(name), &head.headers).await;
    // It should have none.
    Incoming::new(&head.headers, body).drain(api.max_file_bytes).await;
    result
}

async fn remove(api: &Changing, name: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
    let owner = auth::owner(api.keys.as_ref(), headers).await?;
    let precondition = etag::precondition(headers)?;
    let Ok(name) = name.parse::<SetName>() else { return Err(ApiError::NotFound) };
    match api.sets.delete(&owner, &name, &precondition).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(false) => Err(ApiError::NotFound),
        // Where there is nothing to delete, that is what the caller has to know.
        Err(SetError::Conflict) if api.sets.get(&owner, name.as_str()).await?.is_none() => Err(ApiError::NotFound),
        Err(error) => Err(not_changed(error, &name, &precondition)),
    }
}

/// What the caller is told of a body that cannot be read.
fn refusal(fault: BodyFault) -> ApiError {
    match fault {
        BodyFault::TooLarge => {
            ApiError::TooLarge(format!("A parameter set may have at most {}.", size::in_words(MAX_BYTES)))
        }
        BodyFault::Empty => ApiError::BadRequest(fields::EMPTY.to_owned()),
        // The others are of multipart bodies, which this is none of.
        _ => ApiError::BadRequest(fields::CUT_SHORT.to_owned()),
    }
}

/// What the caller is told of a change that was not made.
fn not_changed(error: SetError, name: &SetName, precondition: &Precondition) -> ApiError {
    match (error, precondition) {
        (SetError::BuiltIn, _) => ApiError::BuiltIn(name.to_string()),
        (SetError::Conflict, Precondition::Absent) => ApiError::PreconditionFailed(
            "There is a parameter set of this name already; to replace it, send its ETag in If-Match.",
        ),
        (SetError::Conflict, _) => ApiError::PreconditionFailed(
            "The parameter set is not in the state that If-Match names; get it again, and send its ETag.",
        ),
        (SetError::Unavailable(error), _) => error.into(),
    }
}

/// An answer with one more header.
fn with(mut answer: Response, name: HeaderName, value: String) -> Result<Response, ApiError> {
    // Made of names, ids and versions, it is always one.
    let value = HeaderValue::try_from(value).map_err(|_| ApiError::Internal)?;
    answer.headers_mut().insert(name, value);
    Ok(answer)
}
