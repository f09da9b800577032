//! Failed calls, and whether to repeat them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::fetch::fault::chain;
use crate::retry_after::wait_of;

/// The longest part of an answer that a message quotes, in characters.
const MAX_QUOTED: usize = 300;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A later attempt may succeed: no answer, a lost connection, too many requests, a fault of the server, the page of a
    /// proxy instead of the API's answer.
    #[error("{message}")]
    Temporary {
        /// The API's code, `no_answer` or [`INVALID_ANSWER`].
        code: String,
        /// The cause, for people.
        message: String,
        /// How long the API asks to wait.
        retry_after: Option<Duration>,
    },
    /// Every call would fail, since the key, its scope or the owner's credits do not suffice.
    #[error("{message}")]
    Account {
        /// The API's code.
        code: String,
        /// The cause, for people.
        message: String,
    },
    /// This request is refused, and would be again.
    #[error("{message}")]
    Refused {
        /// The API's code.
        code: String,
        /// The cause, for people.
        message: String,
        /// The invalid fields.
        fields: Vec<String>,
    },
}

/// The code of an answer that did not come from the API.
pub const INVALID_ANSWER: &str = "invalid_answer";

/// The members of an error body that the client reads.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    error: Option<String>,
    message: Option<String>,
    #[serde(default)]
    details: BTreeMap<String, Vec<String>>,
}

impl ErrorBody {
    /// Any other body has no members.
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// The fault of an unsuccessful answer to a call. Only the API can refuse a request: an answer without its code is one of
/// something in between, which says nothing about the request.
pub(super) fn refusal_of_call(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
    let is_of_api = ErrorBody::read(body).error.is_some();
    match refusal(status, headers, body) {
        CallError::Account { .. } | CallError::Refused { .. } if !is_of_api => foreign(described(status, body)),
        fault => fault,
    }
}

/// The fault of an unsuccessful answer of the API or of something in front of it.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
    let parsed = ErrorBody::read(body);
    let code = parsed.error.unwrap_or_else(|| format!("http_{}", status.as_u16()));
    let details = parsed.details.iter().map(|(field, faults)| format!("{field}: {}", faults.join(" ")));
    let message = match (parsed.message, parsed.details.is_empty()) {
        (Some(message), _) => message,
        (None, false) => details.collect::<Vec<_>>().join("; "),
        (None, true) => described(status, body),
    };
    match status.as_u16() {
        401..=403 => CallError::Account { code, message },
        408 | 425 | 429 | 500..=599 => CallError::Temporary {
            code,
            message,
            retry_after: headers.get(RETRY_AFTER).and_then(|value| wait_of(value, Timestamp::now())),
        },
        _ => CallError::Refused { code, message, fields: parsed.details.into_keys().collect() },
    }
}

fn described(status: StatusCode, body: &[u8]) -> String {
    if status.is_redirection() {
        return format!("the address redirects ({status}); use the one that it leads to");
    }
    let text = String::from_utf8_lossy(body);
    let quoted: String = text.trim().chars().take(MAX_QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect();
    match quoted.as_str() {
        "" => format!("the answer is {status}"),
        quoted => format!("the answer is {status}: {quoted}"),
    }
}

/// The fault of a call without an answer.
pub(super) fn of_client_error(error: reqwest::Error) -> CallError {
    // The URL may hold a signature.
    let error = error.without_url();
    let causes = chain(&error);
    no_answer(if causes.is_empty() { error.to_string() } else { causes })
}

/// The fault of a call without an answer, for this reason.
pub(super) fn no_answer(message: String) -> CallError {
    CallError::Temporary { code: "no_answer".to_owned(), message, retry_after: None }
}

/// The fault of a successful answer that the API would not give.
pub(super) fn malformed(error: serde_json::Error) -> CallError {
    foreign(format!("the answer is not one of the API: {error}"))
}

/// The fault of an answer that did not come from the API, such as the page of a proxy.
pub(super) fn foreign(message: String) -> CallError {
    CallError::Temporary { code: INVALID_ANSWER.to_owned(), message, retry_after: None }
}
