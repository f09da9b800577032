//! The `Host` header, which HTTP/1.1 requires. Without it a request may be half of another one that two servers on its way
//! split differently. The value itself selects nothing: links begin with the configured URL.

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::request_body::{Caller, RequestBody};

/// Answers 400 to a request that breaks the rules of RFC 9112 for `Host`.
pub(crate) async fn require(request: Request, next: Next, max_file_bytes: usize) -> Response {
    match fault(request.version(), request.headers()) {
        None => next.run(request).await,
        Some(fault) => {
            let (head, body) = request.into_parts();
            RequestBody::new(&head.headers, body).drain(max_file_bytes, Caller::Unknown).await;
            ApiError::BadRequest(fault.to_owned()).into_response()
        }
    }
}

fn fault(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut values = headers.get_all(HOST).into_iter();
    match (values.next(), values.next()) {
        (None, _) if version == Version::HTTP_11 => Some("The Host header is missing; HTTP/1.1 requires it."),
        (Some(_), Some(_)) => Some("The Host header was sent more than once; send it once."),
        (Some(value), None) if !is_host(value) => {
            Some("The Host header is not a host; send a name and, if any, a port.")
        }
        (None, _) | (Some(_), None) => None,
    }
}

/// Whether a value is a host with an optional port, or empty, as for a target without a host.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    text.is_empty() || (!text.contains('@') && text.parse::<Authority>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(version: Version, values: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HOST, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        fault(version, &headers)
    }

    #[test]
    fn requires_one_valid_host() {
        for host in ["", "localhost", "127.0.0.1:8787", "[::1]:80", "cut.example.com"] {
            assert_eq!(fault_of(Version::HTTP_11, &[host]), None, "{host}");
        }
        for host in ["a b", "a/b", "a@b", "http://a", "[::1", "é"] {
            assert!(fault_of(Version::HTTP_11, &[host]).is_some_and(|fault| fault.contains("not a host")), "{host}");
        }
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(fault_of(version, &["a", "a"]).is_some_and(|fault| fault.contains("more than once")));
        }
        assert!(fault_of(Version::HTTP_11, &[]).is_some_and(|fault| fault.contains("missing")));
        assert_eq!(fault_of(Version::HTTP_10, &[]), None);
    }
}
