//! The whole document.

use serde_json::{Value, json};

use super::{errors, headers, operations, parameters, schemas, webhooks};

const DESCRIPTION: &str = "\
Cutline cuts products out of their photos. Upload a photo, ask for the job's status until its `state` is `done`, and \
download the pictures.

Every request needs a key, except those for `/health` and the documents. Every error has the same shape: \
`{\"error\": \"<code>\"}`, with `message` or `details` where there is more to say. A path that is not listed here gets a \
404, another method a 405 with `Allow`. Clients should ignore members and codes that they do not know: a later version \
may add some.";

/// The document, as it is checked in.
pub(super) fn text() -> String {
    let mut text = serde_json::to_string_pretty(&whole()).expect("JSON serializes");
    text.push('\n');
    text
}

/// The document.
pub(super) fn whole() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Cutline",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Cuts products out of photos.",
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        // Relative to the document, so that it holds behind every address and prefix.
        "servers": [{ "url": "../..", "description": "The server of this document." }],
        "security": [{ "ApiKey": [] }, { "Bearer": [] }],
        "tags": [
            { "name": "Jobs", "description": "Photos and the pictures made of them." },
            { "name": "Parameter sets", "description": "How the pictures of `mode=params` look." },
            { "name": "Webhooks", "description": "What the service sends to your receivers." },
            { "name": "Account", "description": "What the owner of a key may do, and did." },
            { "name": "Service", "description": "The service itself. Needs no key." },
        ],
        "paths": operations::paths(),
        "webhooks": webhooks::all(),
        "components": {
            "schemas": schemas::components(),
            "parameters": parameters::components(),
            "headers": headers::components(),
            "responses": errors::components(),
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey", "in": "header", "name": "X-API-Key",
                    "description": "The key itself. If both headers are sent, this one counts.",
                },
                "Bearer": {
                    "type": "http", "scheme": "bearer", "description": "The key as a bearer token.",
                },
            },
        },
    })
}
