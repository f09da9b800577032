//! The operations of the document: one descriptor each.

use serde_json::{Map, Value, json};

use super::operation::{Access, Answer, Operation, empty, job_link};
use super::values::SCHEMAS;
use super::{account, direct_uploads, examples, recuts, reviews};
use crate::{docs, health, routes};

const ACCEPTED: Answer = Answer {
    status: 202,
    description: "The job is accepted.",
    schema: Some("AcceptedJob"),
    headers: &["Location", "Retry-After", "Idempotent-Replayed"],
    examples: examples::accepted,
    links: &[
        job_link("getStatus", "job_id"),
        job_link("getJob", "id"),
        job_link("retryJob", "id"),
        job_link("deleteJob", "id"),
    ],
};

/// Every operation.
pub(super) const ALL: [Operation; 19] = [
    Operation {
        method: "post",
        path: routes::UPLOAD,
        id: "upload",
        tag: "Jobs",
        summary: "Create a job",
        description: "Accepts a photo and what to make of it. Ask for the status at the path in `Location`, every 2 to 5 \
                      seconds, until `state` is `done`.",
        access: Access::Change,
        parameters: &["IdempotencyKey", "Prefer"],
        body: Some(upload_body),
        answers: &[
            Answer {
                status: 200,
                description: "The job ended while the request waited, which `Prefer` asked for.",
                schema: Some("Status"),
                headers: &["Preference-Applied", "Idempotent-Replayed"],
                examples: examples::ended,
                links: &[],
            },
            ACCEPTED,
        ],
        errors: &[402, 413, 415, 422, 507],
    },
    direct_uploads::GRANT,
    Operation {
        method: "get",
        path: routes::STATUS,
        id: "getStatus",
        tag: "Jobs",
        summary: "Ask for a job's status",
        description: "Says how far a job is, and links to its pictures once it is done.",
        access: Access::Read,
        parameters: &["JobIdInQuery", "Prefer"],
        body: None,
        answers: &[Answer {
            status: 200,
            description: "The job's status.",
            schema: Some("Status"),
            headers: &["Preference-Applied"],
            examples: examples::statuses,
            links: &[],
        }],
        errors: &[404, 422],
    },
    Operation {
        method: "get",
        path: routes::JOBS,
        id: "listJobs",
        tag: "Jobs",
        summary: "List jobs",
        description: "Lists your jobs, the newest first. A page may be short or empty although there are more: follow \
                      `cursor` until an answer has none.",
        access: Access::Read,
        parameters: &[
            "State",
            "ListedStatus",
            "Review",
            "Mode",
            "ExternalId",
            "ConfidenceBelow",
            "CreatedAfter",
            "CreatedBefore",
            "Limit",
            "JobsCursor",
        ],
        body: None,
        answers: &[Answer {
            status: 200,
            description: "A page of jobs.",
            schema: Some("JobList"),
            headers: &[],
            examples: examples::job_list,
            links: &[],
        }],
        errors: &[422],
    },
    Operation {
        method: "get",
        path: routes::JOB,
        id: "getJob",
        tag: "Jobs",
        summary: "Look at a job",
        description: "The job's status and its history.",
        access: Access::Read,
        parameters: &["JobIdInPath"],
        body: None,
        answers: &[Answer {
            status: 200,
            description: "The job.",
            schema: Some("Job"),
            headers: &[],
            examples: examples::job,
            links: &[],
        }],
        errors: &[404],
    },
    Operation {
        method: "delete",
        path: routes::JOB,
        id: "deleteJob",
        tag: "Jobs",
        summary: "Delete a job",
        description: "Cancels the job if it is pending, which gives its credit back unless it is held for review, and removes its photo, its results and its record. Its links stop \
                      working within two minutes.",
        access: Access::Change,
        parameters: &["JobIdInPath"],
        body: None,
        answers: &[empty(204, "The job is deleted.")],
        errors: &[404],
    },
    Operation {
        method: "post",
        path: routes::JOB_RETRY,
        id: "retryJob",
        tag: "Jobs",
        summary: "Repeat a job",
        description: "Creates a new job with the same photo and settings. It costs a credit like any job.",
        access: Access::Change,
        parameters: &["JobIdInPath", "IdempotencyKey"],
        body: None,
        answers: &[ACCEPTED],
        errors: &[402, 404, 409, 422, 507],
    },
    reviews::APPROVE,
    reviews::REJECT,
    recuts::RECUT,
    Operation {
        method: "post",
        path: routes::JOB_WEBHOOK,
        id: "resendWebhook",
        tag: "Jobs",
        summary: "Send a job's webhook again",
        description: "Begins the sends of the webhook again, under the same id.",
        access: Access::Change,
        parameters: &["JobIdInPath"],
        body: None,
        answers: &[Answer {
            status: 202,
            description: "The webhook will be sent.",
            schema: Some("ResentWebhook"),
            headers: &[],
            examples: examples::resent_webhook,
            links: &[],
        }],
        errors: &[404, 409],
    },
    account::READ,
    Operation {
        method: "get",
        path: routes::PARAMS,
        id: "listParameterSets",
        tag: "Parameter sets",
        summary: "List parameter sets",
        description: "Lists your own parameter sets and the built-in ones.",
        access: Access::Read,
        parameters: &["Limit", "ParamsCursor"],
        body: None,
        answers: &[Answer {
            status: 200,
            description: "A page of parameter sets.",
            schema: Some("ParameterSetList"),
            headers: &[],
            examples: examples::set_list,
            links: &[],
        }],
        errors: &[422],
    },
    Operation {
        method: "get",
        path: routes::PARAM_SET,
        id: "getParameterSet",
        tag: "Parameter sets",
        summary: "Read a parameter set",
        description: "",
        access: Access::Read,
        parameters: &["SetName", "IfNoneMatch"],
        body: None,
        answers: &[
            Answer {
                status: 200,
                description: "The parameter set.",
                schema: Some("ParameterSet"),
                headers: &["ETag"],
                examples: examples::set,
                links: &[],
            },
            Answer { headers: &["ETag"], ..empty(304, "The caller has the current state.") },
        ],
        errors: &[404],
    },
    Operation {
        method: "put",
        path: routes::PARAM_SET,
        id: "putParameterSet",
        tag: "Parameter sets",
        summary: "Store a parameter set",
        description: "Creates the set or replaces it as a whole. A set with the name of a built-in one takes its place.",
        access: Access::Change,
        parameters: &["SetName", "IfMatch", "OnlyIfAbsent"],
        body: Some(set_body),
        answers: &[
            Answer {
                status: 200,
                description: "The set is replaced.",
                schema: Some("ParameterSet"),
                headers: &["ETag"],
                examples: examples::set,
                links: &[],
            },
            Answer {
                status: 201,
                description: "The set is created.",
                schema: Some("ParameterSet"),
                headers: &["ETag", "Location"],
                examples: examples::set,
                links: &[],
            },
        ],
        errors: &[412, 413, 415, 422],
    },
    Operation {
        method: "delete",
        path: routes::PARAM_SET,
        id: "deleteParameterSet",
        tag: "Parameter sets",
        summary: "Delete a parameter set",
        description: "Built-in sets cannot be deleted.",
        access: Access::Change,
        parameters: &["SetName", "IfMatch", "OnlyIfAbsent"],
        body: None,
        answers: &[empty(204, "The set is deleted.")],
        errors: &[404, 412],
    },
    Operation {
        method: "get",
        path: health::PATH,
        id: "getHealth",
        tag: "Service",
        summary: "Ask whether the service works",
        description: "The process is alive and its store answers.",
        access: Access::Open,
        parameters: &[],
        body: None,
        answers: &[Answer {
            status: 200,
            description: "The service works.",
            schema: Some("Health"),
            headers: &[],
            examples: examples::health,
            links: &[],
        }],
        errors: &[500, 503],
    },
    Operation {
        method: "get",
        path: routes::DOCUMENT,
        id: "getDocument",
        tag: "Service",
        summary: "Get this document",
        description: "",
        access: Access::Open,
        parameters: &[],
        body: None,
        answers: &[Answer {
            status: 200,
            description: "This document.",
            schema: Some("OpenApiDocument"),
            headers: &[],
            examples: Vec::new,
            links: &[],
        }],
        errors: &[],
    },
    Operation {
        method: "get",
        path: docs::PATH,
        id: "getDocs",
        tag: "Service",
        summary: "Read this document as a page",
        description: "",
        access: Access::Open,
        parameters: &[],
        body: None,
        answers: &[empty(200, "A page for people.")],
        errors: &[],
    },
];

fn upload_body() -> Value {
    let schema = |name| json!({ "$ref": format!("{SCHEMAS}{name}") });
    json!({
        "required": true,
        "content": {
            "application/json": { "schema": schema("UploadJson"), "examples": examples::as_components(examples::uploads()) },
            "multipart/form-data": { "schema": schema("UploadForm"), "examples": examples::as_components(examples::forms()) },
        },
    })
}

fn set_body() -> Value {
    let schema = json!({ "$ref": format!("{SCHEMAS}ParameterSet") });
    json!({
        "required": true,
        "content": { "application/json": { "schema": schema, "examples": examples::as_components(examples::set()) } },
    })
}

/// `paths`.
pub(super) fn paths() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in &ALL {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = operation.to_value();
    }
    Value::Object(paths)
}
