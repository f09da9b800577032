//! What holds for every answer, whatever made it: its request id, its line in the log, and that a panic is
//! one caller's 500 and nothing more.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::error::ApiError;

/// Names one request, in the answer and in the log.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken from a caller.
const MAX_ID_LEN: usize = 128;

/// The outermost layer.
pub(crate) async fn edge(request: Request, next: Next) -> Response {
    let id = callers_id(request.headers()).unwrap_or_else(new_id);
    // The path alone: a query can hold a link's signature.
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = %request.method(),
        path = request.uri().path(),
    );
    let mut response = answer(request, next).instrument(span).await;
    response.headers_mut().insert(X_REQUEST_ID, id);
    // What the API answers changes from one moment to the next, and is its caller's alone.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn answer(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let handled = AssertUnwindSafe(async move { next.run(request).await }).catch_unwind().await;
    let response = handled.unwrap_or_else(|_| {
        // The panic hook has written where and why.
        tracing::error!("a handler panicked");
        ApiError::Internal.into_response()
    });
    tracing::info!(status = response.status().as_u16(), ms = began.elapsed().as_millis(), "answered");
    response
}

/// The caller's own id, if it can stand in a log and a header as it is.
fn callers_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(X_REQUEST_ID)?;
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    let bytes = id.as_bytes();
    (!bytes.is_empty() && bytes.len() <= MAX_ID_LEN && bytes.iter().all(sane)).then(|| id.clone())
}

fn new_id() -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = Uuid::now_v7().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sane_id_is_taken_from_the_caller() {
        let taken = |text: &str| {
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("a header's value");
            callers_id(&HeaderMap::from_iter([(X_REQUEST_ID, value)])).is_some()
        };
        assert!(taken("1") && taken("a-b_c.d:9") && taken(&"x".repeat(128)));
        for bad in ["", " ", "a b", "a\"b", "{}", "é", &"x".repeat(129)] {
            assert!(!taken(bad), "{bad}");
        }
        assert!(callers_id(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_new_id_is_a_uuid() {
        assert!(new_id().to_str().is_ok_and(|text| text.parse::<Uuid>().is_ok()));
    }
}
