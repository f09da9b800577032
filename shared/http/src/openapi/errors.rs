//! The error responses, made from the errors that serve them.

use std::collections::BTreeMap;
use std::time::Duration;

use cutline_core::usecases::{RateUsage, RerunError, StorageFull};
use serde_json::{Map, Value, json};

use super::headers;
use crate::error::ApiError;
use crate::field_errors::FieldErrors;

/// The error responses of one status.
struct Kind {
    /// The name of the component.
    name: &'static str,
    status: u16,
    description: &'static str,
    headers: &'static [&'static str],
    /// Whether the request may have been counted before it was refused.
    is_counted: bool,
}

const fn kind(name: &'static str, status: u16, description: &'static str) -> Kind {
    Kind { name, status, description, headers: &[], is_counted: true }
}

/// Every kind of error response.
const KINDS: [Kind; 18] = [
    kind("BadRequest", 400, "The body or a header is malformed."),
    Kind {
        headers: &["WWW-Authenticate"],
        is_counted: false,
        ..kind("Unauthorized", 401, "The key is missing, unknown or revoked.")
    },
    kind("PaymentRequired", 402, "The owner's credits are spent."),
    kind("Forbidden", 403, "The key may only read, or the parameter set is built in."),
    kind("NotFound", 404, "There is no such job or parameter set, or another owner has it."),
    Kind { headers: &["Allow"], is_counted: false, ..kind("MethodNotAllowed", 405, "The route has other methods.") },
    Kind { is_counted: false, ..kind("RequestTimeout", 408, "The headers took too long.") },
    kind("Conflict", 409, "The job is in a state in which this is not possible."),
    kind("PreconditionFailed", 412, "The stored state does not meet `If-Match` or `If-None-Match`."),
    kind("ContentTooLarge", 413, "The body, its file or its other fields exceed their limit."),
    Kind { is_counted: false, ..kind("UriTooLong", 414, "The URL is too long.") },
    kind("UnsupportedMediaType", 415, "The body has another `Content-Type` than those listed."),
    kind("Invalid", 422, "Fields, query parameters or headers are invalid: `details` has every one, by its name."),
    Kind {
        headers: &["Retry-After"],
        ..kind(
            "TooManyRequests",
            429,
            "The owner's rate limit is used up, or it has too many open uploads. Nothing was done.",
        )
    },
    Kind { is_counted: false, ..kind("HeadersTooLarge", 431, "The URL and headers are too large.") },
    kind("InternalError", 500, "A bug in Cutline."),
    Kind {
        headers: &["Retry-After"],
        ..kind("Unavailable", 503, "A store or the queue does not respond. Try again later.")
    },
    Kind {
        headers: &["Retry-After"],
        ..kind("StorageFull", 507, "The photo, with its mask, does not fit under the cap on the owner's stored bytes.")
    },
];

/// One error of each code, or of each message that is worth an example.
fn samples() -> Vec<ApiError> {
    let invalid = |pairs: &[(&'static str, &[&str])]| {
        let mut faults = FieldErrors::default();
        for (field, messages) in pairs {
            messages.iter().for_each(|message| faults.add(*field, *message));
        }
        ApiError::Validation(faults)
    };
    vec![
        ApiError::BadRequest("The body is not valid JSON: see line 1, column 2.".to_owned()),
        ApiError::KeyMissing,
        ApiError::KeyInvalid,
        ApiError::InsufficientCredits,
        ApiError::ScopeTooNarrow("read"),
        ApiError::BuiltIn("amazon-main".to_owned()),
        ApiError::LinkRefused,
        ApiError::UploadRefused(
            "The file is not the announced one: send the headers that came with the link.".to_owned(),
        ),
        ApiError::NotFound,
        ApiError::MethodNotAllowed { allow: "GET, HEAD" },
        ApiError::HeadTooSlow,
        RerunError::Pending.into(),
        RerunError::SourceExpired.into(),
        ApiError::PreconditionFailed("The stored parameter set does not match If-Match."),
        ApiError::TooLarge("The file, with its mask, may be at most 50 MB.".to_owned()),
        ApiError::TargetTooLong,
        ApiError::UnsupportedMediaType { send: "Send application/json or multipart/form-data." },
        invalid(&[
            ("file", &["You must provide either file_url or file"]),
            ("mode", &["The value you selected is not a valid choice."]),
        ]),
        ApiError::RateLimited(RateUsage { limit: 60, requests: 61, resets_in: Duration::from_secs(42) }),
        ApiError::TooManyUploads { wait: Duration::from_secs(3_600) },
        ApiError::HeadTooLarge("The request line and headers may have at most 64 KB and 100 headers.".to_owned()),
        ApiError::Internal,
        ApiError::Unavailable,
        ApiError::StorageFull(StorageFull { max_bytes: 10_000_000, used_bytes: 9_000_000 }),
    ]
}

/// The codes of all errors.
pub(super) fn codes() -> Vec<String> {
    let mut codes: Vec<_> =
        samples().iter().map(|error| body(error)["error"].as_str().unwrap_or("").to_owned()).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn body(error: &ApiError) -> Value {
    serde_json::from_slice(&error.body()).expect("JSON")
}

/// `components.responses`.
pub(super) fn components() -> Value {
    let mut examples: BTreeMap<u16, Map<String, Value>> = BTreeMap::new();
    for error in samples() {
        let of_status = examples.entry(error.status().as_u16()).or_default();
        let value = body(&error);
        let code = value["error"].as_str().unwrap_or_default();
        let name =
            if of_status.contains_key(code) { format!("{code}_{}", of_status.len() + 1) } else { code.to_owned() };
        of_status.insert(name, json!({ "value": value }));
    }
    let component = |kind: &Kind| {
        let examples = examples.get(&kind.status).unwrap_or_else(|| panic!("no example of {}", kind.name));
        let counted = if kind.is_counted { &headers::COUNTED[..] } else { &[] };
        let response = json!({
            "description": kind.description,
            "headers": headers::of_response(&[kind.headers, counted].concat()),
            "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Error" },
                "examples": examples,
            } },
        });
        (kind.name.to_owned(), response)
    };
    Value::Object(KINDS.iter().map(component).collect())
}

/// The error responses of an operation, by status.
pub(super) fn references(statuses: impl IntoIterator<Item = u16>) -> Map<String, Value> {
    let reference = |status: u16| {
        let kind = KINDS.iter().find(|kind| kind.status == status).unwrap_or_else(|| panic!("no error {status}"));
        (status.to_string(), json!({ "$ref": format!("#/components/responses/{}", kind.name) }))
    };
    statuses.into_iter().map(reference).collect()
}

/// Every variant of [`ApiError`] has a sample, and every sample a kind with its headers.
#[test]
fn every_error_is_described() {
    use std::mem::discriminant;

    use axum::response::IntoResponse;

    let variants: Vec<_> = samples().iter().map(discriminant).collect();
    for error in samples() {
        // A new variant must get a sample: this match lists them all.
        match error {
            ApiError::BadRequest(_)
            | ApiError::KeyMissing
            | ApiError::KeyInvalid
            | ApiError::InsufficientCredits
            | ApiError::LinkRefused
            | ApiError::BuiltIn(_)
            | ApiError::ScopeTooNarrow(_)
            | ApiError::UploadRefused(_)
            | ApiError::NotFound
            | ApiError::MethodNotAllowed { .. }
            | ApiError::HeadTooSlow
            | ApiError::Conflict { .. }
            | ApiError::PreconditionFailed(_)
            | ApiError::TooLarge(_)
            | ApiError::TargetTooLong
            | ApiError::UnsupportedMediaType { .. }
            | ApiError::Validation(_)
            | ApiError::RateLimited(_)
            | ApiError::TooManyUploads { .. }
            | ApiError::HeadTooLarge(_)
            | ApiError::Internal
            | ApiError::Unavailable
            | ApiError::StorageFull(_) => {}
        }
        let status = error.status().as_u16();
        let kind = KINDS.iter().find(|kind| kind.status == status).unwrap_or_else(|| panic!("no kind of {status}"));
        let response = error.into_response();
        let described: Vec<_> = [kind.headers, &headers::COUNTED[..]].concat();
        for name in response.headers().keys().filter(|name| *name != "content-type") {
            assert!(described.iter().any(|header| header.eq_ignore_ascii_case(name.as_str())), "{status}: {name}");
        }
        for name in kind.headers {
            assert!(response.headers().contains_key(*name), "{status}: {name}");
        }
    }
    assert_eq!(variants.len(), 24, "one sample for each variant, and two of Conflict");
    assert_eq!(variants.iter().collect::<std::collections::HashSet<_>>().len(), 23);
}
