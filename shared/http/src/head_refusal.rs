//! The answers to requests that never reach the router, since their head could not be read.

use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::error::ApiError;
use crate::layers::{X_REQUEST_ID, new_request_id};
use crate::size::format_bytes;

/// The longest head of a request: the request line and the header fields, in bytes.
pub const MAX_HEAD_BYTES: usize = 64_000;
/// The most header fields of a request.
pub const MAX_HEADER_FIELDS: usize = 100;

/// Why a request's head could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadFault {
    /// It is not HTTP/1.1 or HTTP/1.0.
    Malformed,
    /// It ended in its middle.
    EndedEarly,
    /// It took too long.
    TooSlow,
    /// Its target is too long.
    TargetTooLong,
    /// It exceeds [`MAX_HEAD_BYTES`] or [`MAX_HEADER_FIELDS`].
    TooLarge,
}

impl HeadFault {
    /// The fault behind a status that an HTTP library chose.
    pub fn of_status(status: u16) -> Self {
        match status {
            408 => Self::TooSlow,
            414 => Self::TargetTooLong,
            431 => Self::TooLarge,
            _ => Self::Malformed,
        }
    }

    /// A whole HTTP/1.1 response in the form of all other errors, with a request id of its own. The connection closes
    /// after it. Logs it as the router logs its own.
    pub fn response(self) -> Vec<u8> {
        let error = self.error();
        let (status, body) = (error.status(), error.body());
        let id = new_request_id();
        tracing::info!(request_id = %id, status = status.as_u16(), "request head refused");
        let mut date = String::new();
        // Fails for no time from 0001 to 9999.
        let _ = DateTimePrinter::new().print_timestamp_rfc9110(&Timestamp::now(), &mut date);
        let headers = [
            (CONTENT_TYPE, "application/json".to_owned()),
            (CACHE_CONTROL, "no-store".to_owned()),
            (X_REQUEST_ID, id),
            (CONNECTION, "close".to_owned()),
            (CONTENT_LENGTH, body.len().to_string()),
            (DATE, date),
        ];
        let mut response = format!("HTTP/1.1 {status}\r\n");
        for (name, value) in headers {
            response.push_str(&format!("{name}: {value}\r\n"));
        }
        response.push_str("\r\n");
        [response.into_bytes(), body].concat()
    }

    fn error(self) -> ApiError {
        match self {
            Self::Malformed => ApiError::BadRequest(
                "The request line or a header is malformed; send HTTP/1.1 as RFC 9112 defines it.".to_owned(),
            ),
            Self::EndedEarly => ApiError::BadRequest("The request ended within its headers.".to_owned()),
            Self::TooSlow => ApiError::HeadTooSlow,
            Self::TargetTooLong => ApiError::TargetTooLong,
            Self::TooLarge => ApiError::HeadTooLarge(format!(
                "The request line and headers may have at most {} and {MAX_HEADER_FIELDS} headers.",
                format_bytes(MAX_HEAD_BYTES)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_whole_response_in_the_usual_form() {
        let cases = [(400, "bad_request"), (408, "request_timeout"), (414, "uri_too_long"), (431, "headers_too_large")];
        for (status, code) in cases {
            let response = String::from_utf8(HeadFault::of_status(status).response()).expect("text");
            let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{head}");
            for header in ["x-request-id: ", "connection: close", "cache-control: no-store", " GMT"] {
                assert!(head.contains(header), "{header}: {head}");
            }
            let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(body["error"], code);
            assert!(body["message"].is_string(), "{body}");
        }
        assert_eq!(HeadFault::of_status(505), HeadFault::Malformed);
    }
}
