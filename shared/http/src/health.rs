//! `GET /health`: whether this process serves, and its store answers. It needs no key, and says nothing else.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use cutline_core::domain::keys::Secret;
use cutline_core::ports::Keys;
use serde::Serialize;

use crate::api::Api;
use crate::error::ApiError;
use crate::response::json;

pub(crate) const PATH: &str = "/health";

/// The body of a healthy process.
#[derive(Debug, Serialize)]
struct HealthBody {
    status: &'static str,
    version: &'static str,
}

pub(crate) fn route(api: &Api) -> MethodRouter {
    get(health).with_state(api.keys.clone())
}

/// # Errors
/// 503 if the store does not answer.
async fn health(State(keys): State<Arc<dyn Keys>>) -> Result<Response, ApiError> {
    // A key that nobody has: every request begins with this look-up.
    keys.find(&Secret::from_caller("health").hash()).await?;
    Ok(json(StatusCode::OK, &HealthBody { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}
