//! Cross-origin requests from web pages, for the server that has no gateway in front of it.

use axum::http::Method;
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER,
};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::auth::X_API_KEY;
use crate::edge::X_REQUEST_ID;

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_HOLDS: Duration = Duration::from_secs(3600);

/// The layer for these origins, `*` for any; `None` where there are none.
pub(crate) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let origins = match origins {
        [] => return None,
        _ if origins.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        _ => AllowOrigin::list(origins.iter().cloned()),
    };
    let sent: [HeaderName; 6] = [X_API_KEY, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, X_REQUEST_ID];
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(sent)
        .expose_headers([ETAG, X_REQUEST_ID, RETRY_AFTER])
        .max_age(PREFLIGHT_HOLDS);
    Some(layer)
}
