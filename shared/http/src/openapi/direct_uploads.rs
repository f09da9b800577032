//! `POST /api/v1/uploads` in the document.

use cutline_core::domain::limits::MAX_SOURCE_BYTES;
use serde_json::{Value, json};

use super::examples;
use super::operation::{Access, Answer, Operation};
use super::values::SCHEMAS;
use crate::routes;

pub(super) const GRANT: Operation = Operation {
    method: "post",
    path: routes::UPLOADS,
    id: "grantUpload",
    tag: "Jobs",
    summary: "Ask where to send a file directly",
    description: "Grants one PUT of a file of up to 50 MB to the address in `upload_url`, with the headers in `headers`. \
                  Then create a job with `file_key` in place of the file. The address works for 15 to 60 minutes, the key \
                  for 24 hours.",
    access: Access::Change,
    parameters: &[],
    body: Some(body),
    answers: &[Answer {
        status: 201,
        description: "The upload is granted.",
        schema: Some("GrantedUpload"),
        headers: &[],
        examples: examples::granted_upload,
        links: &[],
    }],
    errors: &[413, 415, 422, 507],
};

fn body() -> Value {
    let examples = examples::as_components(examples::upload_requests());
    json!({
        "required": true,
        "content": { "application/json": {
            "schema": { "$ref": format!("{SCHEMAS}UploadRequest") }, "examples": examples,
        } },
    })
}

/// `UploadRequest`: what a client announces about a file.
pub(super) fn request() -> Value {
    json!({
        "type": "object",
        "description": "The file to upload. Other members are ignored.",
        "required": ["content_type", "size"],
        "properties": {
            "content_type": {
                "type": "string",
                "maxLength": 100,
                "pattern": "^(image|application)/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$",
                "description": "The file's media type without parameters. The PUT must have the same. What counts in the \
                                end is the file's content.",
            },
            "size": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_SOURCE_BYTES,
                "description": "The file's size in bytes. The PUT must have the same.",
            },
            "sha256": {
                "type": ["string", "null"],
                "pattern": "^([0-9A-Fa-f]{64})?$",
                "description": "The file's SHA-256, if the upload is to be checked against it.",
            },
        },
    })
}
