//! The headers of responses.

use serde_json::{Map, Value, json};

/// A header of responses.
pub(super) struct ResponseHeader {
    pub(super) name: &'static str,
    description: &'static str,
    example: &'static str,
    /// Whether every response that may have it has it.
    is_required: bool,
}

const fn optional(name: &'static str, example: &'static str, description: &'static str) -> ResponseHeader {
    ResponseHeader { name, description, example, is_required: false }
}

const fn required(name: &'static str, example: &'static str, description: &'static str) -> ResponseHeader {
    ResponseHeader { name, description, example, is_required: true }
}

/// Every header that a client may read, except those that describe the body.
pub(super) const ALL: [ResponseHeader; 10] = [
    required(
        "X-Request-Id",
        "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a",
        "Identifies the request in the server's log: the caller's own id if it is safe to log, else a new one.",
    ),
    required("Allow", "GET, HEAD", "The methods of the route."),
    required("WWW-Authenticate", "Bearer realm=\"cutline\"", "How to authenticate."),
    required("Retry-After", "2", "How many seconds to wait before the next request."),
    required("Location", "/api/v1/status?job_id=019cdc54-2673-7c32-b9e5-6e1d36cc9e8a", "The path to ask next."),
    required("ETag", "\"9f86d081884c7d659a2feaa0c55ad015\"", "The state of the parameter set."),
    optional("Idempotent-Replayed", "true", "`true` if the answer was given before, for the same `Idempotency-Key`."),
    optional("Preference-Applied", "wait", "`wait` if the request waited for the job's end, which `Prefer` asked for."),
    optional("RateLimit-Policy", "\"minute\";q=60;w=60", "The owner's limit, if it has one: requests a minute."),
    optional("RateLimit", "\"minute\";r=59;t=42", "What is left of the limit, and the seconds until it starts again."),
];

/// The headers of every answer to a request that may count against a rate limit.
pub(super) const COUNTED: [&str; 2] = ["RateLimit-Policy", "RateLimit"];

/// `components.headers`.
pub(super) fn components() -> Value {
    let component = |header: &ResponseHeader| {
        let ResponseHeader { name, description, example, is_required } = header;
        let header = json!({
            "description": description,
            "required": is_required,
            "schema": { "type": "string" },
            "example": example,
        });
        ((*name).to_owned(), header)
    };
    Value::Object(ALL.iter().map(component).collect())
}

/// The headers of a response: these, and those of all.
pub(super) fn of_response(names: &[&str]) -> Value {
    let all = ["X-Request-Id"].iter().chain(names);
    let reference = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(all.map(reference).collect::<Map<_, _>>())
}
