//! `webhooks`: the requests that the service sends to receivers.

use cutline_core::domain::webhook::WebhookEventKind;
use serde_json::{Map, Value, json};

use super::examples;
use super::values::SCHEMAS;

/// The headers of Standard Webhooks, and what they hold.
const HEADERS: [(&str, &str, &str); 3] = [
    (
        "webhook-id",
        "msg_019cdc54-2673-7c32-b9e5-6e1d36cc9e8a",
        "Identifies the event: all sends of it have the same id. Ignore an event with an id that you know.",
    ),
    ("webhook-timestamp", "1772704628", "When this send was made, in seconds since 1970."),
    (
        "webhook-signature",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        "The signatures of this send, one for each active secret, separated by spaces. Verify one by Standard Webhooks.",
    ),
];

/// An operation for each type of event.
pub(super) fn all() -> Value {
    let operation = |kind: &WebhookEventKind| (kind.as_str().to_owned(), json!({ "post": operation(*kind) }));
    Value::Object(WebhookEventKind::ALL.iter().map(operation).collect::<Map<_, _>>())
}

fn operation(kind: WebhookEventKind) -> Value {
    let parameter = |(name, example, description): &(&str, &str, &str)| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" }, "example": example,
        })
    };
    json!({
        "operationId": format!("{}Event", name(kind)),
        "tags": ["Webhooks"],
        "summary": summary(kind),
        "description":
            "Sent to the job's `webhook_url`, or to its owner's. Answer within 15 seconds. Without an answer of 2xx it is \
             sent again, for about 28 hours; after a 410 it is not.",
        "security": [],
        "parameters": HEADERS.iter().map(parameter).collect::<Vec<_>>(),
        "requestBody": {
            "required": true,
            "content": { "application/json": {
                "schema": { "$ref": format!("{SCHEMAS}Event") },
                "examples": examples::as_components(examples::events(kind)),
            } },
        },
        "responses": {
            "2XX": { "description": "The event has arrived." },
            "410": { "description": "The receiver is gone: the event is not sent again." },
        },
    })
}

const fn name(kind: WebhookEventKind) -> &'static str {
    match kind {
        WebhookEventKind::JobDone => "jobDone",
        WebhookEventKind::JobFailed => "jobFailed",
        WebhookEventKind::JobReview => "jobReview",
        WebhookEventKind::JobRevised => "jobRevised",
    }
}

const fn summary(kind: WebhookEventKind) -> &'static str {
    match kind {
        WebhookEventKind::JobDone => "A job is done",
        WebhookEventKind::JobFailed => "A job has failed",
        WebhookEventKind::JobReview => "A job is held for review",
        WebhookEventKind::JobRevised => "A job that is held for review was cut again",
    }
}
