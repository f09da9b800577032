//! `POST /api/v1/uploads`: links to which clients send files directly.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use cutline_core::OwnerId;
use cutline_core::domain::upload::UploadKey;
use cutline_core::usecases::{DirectUpload, GrantError, GrantedUpload};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use crate::admission::{Admitted, Gate};
use crate::api::Api;
use crate::budget::BodyBudget;
use crate::error::ApiError;
use crate::media_type::MediaType;
use crate::request_body::{Caller, RequestBody};
use crate::response::json;
use crate::{budget, fields, media_type, validate};

/// The path of the route.
pub(crate) const PATH: &str = "/api/v1/uploads";

#[derive(Clone)]
struct UploadsState {
    gate: Gate,
    uploads: DirectUpload,
    budget: Option<BodyBudget>,
}

/// An upload that was granted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = GrantedUpload))]
pub(crate) struct GrantedBody {
    /// Names the file in a later request.
    #[cfg_attr(test, schema(value_type = String, format = Uuid))]
    file_key: UploadKey,
    method: &'static str,
    upload_url: Url,
    /// The headers to send, without `Content-Length`, which browsers set and pages must not.
    #[cfg_attr(test, schema(value_type = BTreeMap<String, String>))]
    headers: BTreeMap<&'static str, String>,
    /// When the link stops working.
    expires_at: Timestamp,
}

impl From<GrantedUpload> for GrantedBody {
    fn from(GrantedUpload { upload, link }: GrantedUpload) -> Self {
        Self {
            file_key: upload.key,
            method: "PUT",
            upload_url: link.url,
            headers: upload.headers(),
            expires_at: link.expires_at,
        }
    }
}

/// The route, without methods if the API grants no uploads.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(uploads) = api.uploads.clone() else { return MethodRouter::new() };
    post(grant).with_state(UploadsState { gate: Gate::new(api), uploads, budget: api.budget.clone() })
}

/// Grants an upload. The request is admitted before its body is read.
async fn grant(State(state): State<UploadsState>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, mut body, usage, .. } = state.gate.admit_uploader(&head, body).await?;
    let result = granted(&state, &owner, &head.headers, &mut body).await;
    if result.is_err() {
        body.drain(state.gate.max_file_bytes, Caller::Known).await;
    }
    Ok(usage.mark(result.map(|granted| json(StatusCode::CREATED, &granted))))
}

async fn granted(
    state: &UploadsState,
    owner: &OwnerId,
    headers: &HeaderMap,
    body: &mut RequestBody,
) -> Result<GrantedBody, ApiError> {
    media_type::require_json(headers)?;
    let max_file_bytes = state.gate.max_file_bytes;
    let _permit = budget::acquire(state.budget.as_ref(), MediaType::Json.size_bound(body, max_file_bytes)?).await?;
    let fields = fields::read(&MediaType::Json, body, max_file_bytes).await?;
    let request = validate::upload_request(fields)?;
    Ok(state.uploads.run(owner, request).await?.into())
}

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::TooMany { wait } => Self::TooManyUploads { wait },
            GrantError::StorageFull(full) => Self::StorageFull(full),
            GrantError::Unavailable(error) => error.into(),
        }
    }
}
