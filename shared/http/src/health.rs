//! `GET /health`: whether this process answers requests and its store answers it. It needs no key.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use cutline_core::domain::keys::Secret;
use cutline_core::ports::Keys;
use serde::Serialize;
use tokio::time::timeout;

use crate::api::Api;
use crate::error::ApiError;
use crate::response::json;

pub(crate) const PATH: &str = "/health";

/// How long the store may take.
const MAX_LOOK_UP: Duration = Duration::from_secs(5);

/// The body of a healthy process.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Health))]
pub(crate) struct HealthBody {
    status: &'static str,
}

pub(crate) fn route(api: &Api) -> MethodRouter {
    get(health).with_state(api.keys.clone())
}

/// # Errors
/// 503 if the store does not answer in time.
async fn health(State(keys): State<Arc<dyn Keys>>) -> Result<Response, ApiError> {
    // A key that nobody has: every request begins with this look-up.
    let hash = Secret::from_caller("health").hash();
    match timeout(MAX_LOOK_UP, keys.find(&hash)).await {
        Ok(found) => found.map(drop)?,
        Err(_) => return Err(ApiError::Unavailable),
    }
    Ok(json(StatusCode::OK, &HealthBody { status: "ok" }))
}
