//! Decisions about jobs that are held for review, in the document.

use cutline_core::domain::decision::ReviewNote;
use serde_json::{Value, json};

use super::examples;
use super::operation::{Access, Answer, Operation};
use super::values::SCHEMAS;
use crate::routes;

const DECIDED: Answer = Answer {
    status: 200,
    description: "The decision is stored, and the job has ended.",
    schema: Some("DecidedJob"),
    headers: &[],
    examples: Vec::new,
    links: &[],
};

pub(super) const APPROVE: Operation = Operation {
    method: "post",
    path: routes::JOB_APPROVE,
    id: "approveJob",
    tag: "Jobs",
    summary: "Approve the pictures of a job that is held for review",
    description: "The draft becomes the job's result. The same decision of the same key may be sent again.",
    access: Access::Review,
    parameters: &["JobIdInPath"],
    body: Some(approval_body),
    answers: &[Answer { examples: examples::approved, ..DECIDED }],
    errors: &[404, 409, 413, 415, 422],
};

pub(super) const REJECT: Operation = Operation {
    method: "post",
    path: routes::JOB_REJECT,
    id: "rejectJob",
    tag: "Jobs",
    summary: "Reject the pictures of a job that is held for review",
    description: "The job fails with the code `rejected`. Its credit is not given back. The same decision of the same key may be \
                  sent again.",
    access: Access::Review,
    parameters: &["JobIdInPath"],
    body: Some(rejection_body),
    answers: &[Answer { examples: examples::rejected, ..DECIDED }],
    errors: &[404, 409, 413, 415, 422],
};

fn body(schema: &str, example: Value) -> Value {
    json!({
        "required": true,
        "content": { "application/json": { "schema": { "$ref": format!("{SCHEMAS}{schema}") }, "example": example } },
    })
}

fn approval_body() -> Value {
    body("Approval", json!({ "revision": 1 }))
}

fn rejection_body() -> Value {
    body("Rejection", json!({ "revision": 1, "reason": "subject", "note": "the handle is missing" }))
}

pub(super) fn revision() -> Value {
    json!({
        "type": "integer",
        "minimum": 1,
        "description": "The revision of the draft that you looked at. If the job has another one by now, nothing is decided.",
    })
}

/// `Approval`: the body of an approval.
pub(super) fn approval() -> Value {
    json!({
        "type": "object",
        "description": "Which draft is right. Other members are ignored.",
        "required": ["revision"],
        "properties": { "revision": revision() },
    })
}

/// `Rejection`: the body of a rejection.
pub(super) fn rejection() -> Value {
    json!({
        "type": "object",
        "description": "Which draft is wrong, and why. Other members are ignored.",
        "required": ["revision", "reason"],
        "properties": {
            "revision": revision(),
            "reason": { "$ref": format!("{SCHEMAS}RejectReason") },
            "note": {
                "type": ["string", "null"],
                "maxLength": ReviewNote::MAX_CHARS,
                "description": "In your own words, without control characters except line breaks.",
            },
        },
    })
}
