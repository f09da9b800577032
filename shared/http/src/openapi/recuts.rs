//! Recuts, in the document.

use serde_json::{Map, Value, json};

use super::fields::Field;
use super::operation::{Access, Answer, Operation, job_link};
use super::values::SCHEMAS;
use super::{examples, fields, reviews};
use crate::routes;

/// The fields of an upload that a recut may change.
const STEERING: [&str; 5] = ["roi", "keep", "hints", "holes", "mask_source"];
/// The field of the written files that a recut may change.
const PATH_INSET: &str = "path_inset";
/// Those that bring a mask as a file.
const MASKS: [&str; 3] = ["mask", "mask_url", "mask_key"];

const WHAT: &str = "Which draft was seen, and what the new cut changes: at least one of `roi`, `keep`, `hints`, `holes`, \
                    `mask_source`, `path_inset` and a mask.";

pub(super) const RECUT: Operation = Operation {
    method: "post",
    path: routes::JOB_RECUT,
    id: "recutJob",
    tag: "Jobs",
    summary: "Correct the cut of a job",
    description: "A job that is held for review is cut again and held again, with the next `revision`; if that fails, its \
                  draft stays as it was. A done job gets a new job with `recut_of`, which is held for review. Costs nothing, \
                  and the networks do not run again unless a small `roi` asks for a part that they did not look at, or the \
                  draft was cut by a mask of its own. \
                  `Idempotency-Key` counts for a done job only: `revision` makes the recut of a held one safe to repeat.",
    access: Access::Review,
    parameters: &["JobIdInPath", "IdempotencyKey"],
    body: Some(body),
    answers: &[Answer {
        status: 202,
        description: "The recut is accepted: of this job, or as the new job that `job_id` names.",
        schema: Some("AcceptedJob"),
        headers: &["Location", "Retry-After", "Idempotent-Replayed"],
        examples: examples::recut_accepted,
        links: &[job_link("getStatus", "job_id"), job_link("getJob", "id")],
    }],
    errors: &[404, 409, 413, 415, 422, 507],
};

fn body() -> Value {
    let media_type =
        |name: &str, example: Value| json!({ "schema": { "$ref": format!("{SCHEMAS}{name}") }, "example": example });
    let hints = json!([{"kind": "remove", "points": [[812, 140]]}]);
    json!({
        "required": true,
        "content": {
            "application/json": media_type("RecutRequest", json!({ "revision": 1, "hints": hints })),
            // Without its mask, since that is not JSON.
            "multipart/form-data": media_type("RecutForm", json!({ "revision": 1 })),
        },
    })
}

/// The schemas of the fields with these names.
fn schemas(names: &[&str], schema: impl Fn(&Field) -> Option<Value>) -> Map<String, Value> {
    let fields = fields::all().into_iter().filter(|field| names.contains(&field.name));
    fields.filter_map(|field| Some((field.name.to_owned(), schema(&field)?))).collect()
}

/// The fields that a recut changes, and the `revision` with a schema of this type.
fn request_properties(schema: impl Fn(&Field) -> Option<Value>, revision_type: Value) -> Map<String, Value> {
    let mut properties = schemas(&[STEERING.as_slice(), &[PATH_INSET], &MASKS].concat(), schema);
    for (name, schema) in &mut properties {
        schema["description"] = match name.as_str() {
            "hints" => "As for an upload. Takes the place of all earlier hints; an empty list removes them.".into(),
            _ => "As for an upload. Takes the place of the job's own; without it, that stays.".into(),
        };
    }
    let mut revision = reviews::revision();
    revision["type"] = revision_type;
    revision["description"] =
        "The revision of the draft that you looked at. Required for a job that is held for review; leave \
                               it out for one that is done."
            .into();
    properties.insert("revision".to_owned(), revision);
    properties
}

/// `RecutRequest`: the body of a recut as JSON.
pub(super) fn request() -> Value {
    json!({
        "type": "object",
        "description": format!("{WHAT} To send a mask's file itself, use multipart/form-data. Other members are ignored."),
        "properties": request_properties(Field::json_schema, json!(["integer", "null"])),
    })
}

/// `RecutForm`: the body of a recut as multipart/form-data.
pub(super) fn form() -> Value {
    json!({
        "type": "object",
        "description": format!("{WHAT} Other parts are ignored."),
        "properties": request_properties(|field| Some(field.form_schema()), "integer".into()),
    })
}

/// `Subject`: how a job's cut is steered.
pub(super) fn subject() -> Value {
    let mut properties = schemas(&STEERING, Field::json_schema);
    properties.values_mut().for_each(|schema| {
        schema.as_object_mut().map(|members| members.remove("examples"));
    });
    json!({ "type": "object", "description": "How the cut is steered, as for an upload.", "properties": properties })
}
