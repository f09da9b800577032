//! The path of the public address, where a reverse proxy serves the API below the root of a host.

use axum::http::HeaderValue;
use axum::http::header::LOCATION;
use axum::response::Response;

/// Puts this path before the `Location` of a response, which is a path too.
pub(crate) fn prefix_location(base_path: &str, mut response: Response) -> Response {
    if let Some(location) = response.headers_mut().get_mut(LOCATION)
        // The path of a URL is always a valid header value.
        && let Ok(prefixed) = HeaderValue::try_from([base_path.as_bytes(), location.as_bytes()].concat())
    {
        *location = prefixed;
    }
    response
}
