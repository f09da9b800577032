//! The layers around every response: request id, log line, panic handling, caching.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::map_request;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use tracing::field::Empty;
use uuid::Uuid;

use crate::error::ApiError;

/// Identifies one request, in the response and in the log.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id accepted from a caller, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Wraps the router in these layers.
pub(crate) fn wrap(router: Router) -> Router {
    let trace =
        TraceLayer::new_for_http().make_span_with(request_span).on_request(()).on_response(log_response).on_failure(());
    // Responses change from one moment to the next and belong to their caller alone.
    let no_store = SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let outermost_first = (
        map_request(remove_unsafe_id),
        SetRequestIdLayer::new(X_REQUEST_ID, TimeOrderedId),
        PropagateRequestIdLayer::new(X_REQUEST_ID),
        no_store,
        trace,
        CatchPanicLayer::custom(panic_response),
    );
    router.layer(outermost_first)
}

/// New request ids are UUIDv7, so they sort by time in a log.
#[derive(Clone)]
struct TimeOrderedId;

impl MakeRequestId for TimeOrderedId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        HeaderValue::try_from(new_request_id()).ok().map(RequestId::new)
    }
}

/// A request id for a request that has none.
pub(crate) fn new_request_id() -> String {
    Uuid::now_v7().to_string()
}

/// Removes the caller's request id unless it can go into a log and a header as it is; a new id replaces it.
async fn remove_unsafe_id(mut request: Request) -> Request {
    if !request.headers().get(X_REQUEST_ID).is_some_and(is_safe_id) {
        request.headers_mut().remove(X_REQUEST_ID);
    }
    request
}

fn is_safe_id(id: &HeaderValue) -> bool {
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_safe)
}

/// Logs the path only: a query can hold a link's signature.
fn request_span(request: &Request) -> Span {
    let id = request.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
    let (method, path) = (request.method(), request.uri().path());
    // Owner and key are filled in once the key is known.
    tracing::info_span!("request", %method, path, request_id = id, owner = Empty, key = Empty)
}

fn log_response<B>(response: &axum::http::Response<B>, latency: Duration, _: &Span) {
    tracing::info!(status = response.status().as_u16(), ms = latency.as_millis(), "request finished");
}

/// Turns a panic into this one caller's 500. The panic hook has already logged the message and the location.
fn panic_response(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("request handler panicked");
    ApiError::Internal.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_request_ids_that_are_safe_to_log() {
        let is_safe = |text: &str| is_safe_id(&HeaderValue::from_bytes(text.as_bytes()).expect("a header value"));
        for safe in ["1", "a-b_c.d:9", &"x".repeat(128)] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_id in ["", " ", "a b", "a\"b", "{}", "é", &"x".repeat(129)] {
            assert!(!is_safe(unsafe_id), "{unsafe_id}");
        }
    }

    #[test]
    fn makes_request_ids_that_are_uuids() {
        let id = TimeOrderedId.make_request_id(&Request::<()>::default()).expect("an id");
        let id = id.header_value().to_str().expect("text").parse::<Uuid>().expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
    }
}
