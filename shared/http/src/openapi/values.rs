//! The schemas of values, made from the tables of `cutline-core`.

use std::collections::BTreeMap;

use cutline_core::domain::attention::{AttentionReason, MAX_ATTENTION};
use cutline_core::domain::decision::{RejectReason, Verdict};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::limits::{MAX_EXTERNAL_ID_CHARS, MAX_METADATA_MEMBERS, MAX_OUTPUT_NAME_CHARS, MAX_SIDE};
use cutline_core::{AssetKind, FailureCode, Mode, Variation};
use serde_json::{Map, Value, json};
use url::Url;
use utoipa::ToSchema;
use utoipa::openapi::{Ref, RefOr, Schema};

/// The prefix of a reference to a schema.
pub(super) const SCHEMAS: &str = "#/components/schemas/";

/// Every `status` of the contract. A mode skips the steps that it does not need.
pub(super) const STATUSES: [&str; 9] = [
    "queued",
    "pending_fetch",
    "pending_background",
    "pending_clipping",
    "pending_compose",
    "pending_delivery",
    "pending_review",
    "done",
    "failed",
];

/// The links of a status, as one object: which of them it has follows from `delivery_mode`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Links {
    /// The link to the picture of the mode. Null until the pictures may be used, and always with `delivery_mode=url`.
    #[schema(required)]
    final_url: Option<Url>,
    /// Only with `delivery_mode=url`: a link for each picture. Null until they may be used.
    #[schema(schema_with = nullable_final_urls)]
    final_urls: Option<BTreeMap<String, Url>>,
}

/// The members of a status that only an ended job has.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Ended {
    /// Only of a job that is held for review: its pictures.
    #[schema(schema_with = draft)]
    draft: Option<String>,
    /// Only of a done or held job: links to the files in addition to the pictures.
    #[schema(schema_with = assets)]
    assets: Option<BTreeMap<String, Url>>,
    /// Only of a done or held job: how sure the cut is, from 0 to 1. A person should look at a cut below 0.5.
    #[schema(schema_with = confidence)]
    confidence: Option<f64>,
    /// Only of a done or held job with `crop`: the part of the photo that its cropped pictures show.
    #[schema(schema_with = crop_box)]
    crop_box: Option<Vec<u32>>,
    /// Only of a done or held job with places that a person should look at: the places, worst first.
    #[schema(schema_with = attention)]
    attention: Option<Vec<String>>,
    /// Only of a done or held job with `depth` or `color`: how far its lossless files differ from the photo.
    #[schema(schema_with = pixel_check)]
    pixel_check: Option<String>,
    /// Only of a done or held job: what a person should know, by topic or variation.
    #[schema(schema_with = warnings)]
    warnings: Option<BTreeMap<String, Vec<String>>>,
    /// Only of a done or held job: the requested variations that were not made.
    #[schema(schema_with = ignored_variations)]
    ignored_variations: Option<Vec<String>>,
    /// Only of a done or held job: the version of the code and models that made it.
    #[schema(nullable = false)]
    pipeline_version: Option<String>,
    /// Only of a done or held job: when its links stop working. Ask for the status again to get new ones.
    expires_at: Option<jiff::Timestamp>,
    /// Only of a failed job.
    #[schema(schema_with = failure)]
    error: Option<String>,
}

/// The counts of jobs that ended in a month.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct EndedJobs {
    /// Done.
    #[schema(minimum = 0)]
    done: u64,
    /// Failed.
    #[schema(minimum = 0)]
    failed: u64,
    /// Deleted before they ended.
    #[schema(minimum = 0)]
    cancelled: u64,
}

/// Declares a function for `schema_with` that refers to a schema of [`named`].
macro_rules! references {
    ($($function:ident: $name:literal,)*) => {$(
        pub(crate) fn $function() -> RefOr<Schema> {
            RefOr::Ref(Ref::from_schema_name($name))
        }
    )*};
}

references! {
    assets: "AssetLinks",
    attention: "Attention",
    confidence: "Confidence",
    crop_box: "CropBox",
    draft: "Draft",
    external_id: "ExternalId",
    failure: "Failure",
    ignored_variations: "IgnoredVariations",
    job_id: "JobId",
    job_state: "State",
    job_status: "JobStatus",
    lane: "Lane",
    metadata: "Metadata",
    mode: "Mode",
    output_name: "OutputName",
    pixel_check: "PixelCheck",
    reject_reason: "RejectReason",
    nullable_final_urls: "FinalUrls",
    set_name: "SetName",
    subject: "Subject",
    timings: "Timings",
    verdict: "Verdict",
    warnings: "Warnings",
    field_errors: "FieldErrors",
}

/// The schemas that the functions above refer to.
pub(super) fn named() -> Map<String, Value> {
    let link = json!({ "type": "string", "format": "uri" });
    let links = |names: Vec<&str>| -> Map<String, Value> {
        names.into_iter().map(|name| (name.to_owned(), link.clone())).collect()
    };
    let variations = Variation::ALL.map(Variation::as_str).to_vec();
    let assets = AssetKind::listed().map(AssetKind::as_str).collect();
    let text_lists = json!({ "type": "array", "items": { "type": "string" } });
    let schemas = json!({
        "AssetLinks": { "type": "object", "properties": links(assets) },
        "Attention": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_ATTENTION,
            "items": {
                "type": "object",
                "required": ["reason", "message", "box"],
                "properties": {
                    "reason": { "type": "string", "enum": AttentionReason::ALL.map(AttentionReason::as_str) },
                    "message": { "type": "string", "description": "The reason in words, with its details." },
                    "box": { "$ref": "#/components/schemas/CropBox" },
                },
            },
            "description": "Places of the cut that a person should look at, worst first. Further reasons may be added.",
        },
        "Confidence": { "type": "number", "minimum": 0, "maximum": 1 },
        "CropBox": {
            "type": "array",
            "minItems": 4,
            "maxItems": 4,
            "items": { "type": "integer", "minimum": 0, "maximum": MAX_SIDE },
            "description": "The upper left and the lower right corner of a box, `[x1, y1, x2, y2]`, in pixels of the upright \
                            photo.",
        },
        "ExternalId": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_EXTERNAL_ID_CHARS,
            "description": "The caller's own id of the job, without control characters. Several jobs may have the same.",
        },
        "Failure": {
            "type": "object",
            "required": ["code", "message", "retryable"],
            "description": "Why a job failed.",
            "properties": {
                "code": {
                    "type": "string",
                    "description": "A stable code. A later version may add codes.",
                    "examples": FailureCode::ALL.map(FailureCode::as_str),
                },
                "message": { "type": "string", "description": "What happened and what to do about it." },
                "retryable": { "type": "boolean", "description": "Whether the same request may succeed later." },
            },
        },
        "FieldErrors": {
            "type": "object",
            "description": "The messages for each invalid field.",
            "additionalProperties": text_lists,
        },
        "FinalUrls": { "type": ["object", "null"], "properties": links(variations) },
        "IgnoredVariations": { "type": "array", "items": { "type": "string" } },
        "JobId": { "type": "string", "format": "uuid", "description": "A UUID of version 7: ids sort by time." },
        "JobStatus": {
            "type": "string",
            "enum": STATUSES,
            "description": "The step of a pending job, or how it ended. In lists it is `queued` until the job ends or is held for review.",
        },
        "Lane": { "type": "string", "enum": Lane::ALL.map(Lane::as_str), "description": "The queue of the job." },
        "Metadata": {
            "type": "object",
            "description": "The caller's own strings, at most 2,000 bytes as JSON.",
            "additionalProperties": { "type": "string" },
            "minProperties": 1,
            "maxProperties": MAX_METADATA_MEMBERS,
        },
        "Mode": { "type": "string", "enum": Mode::ALL.map(Mode::as_str) },
        "OutputName": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_OUTPUT_NAME_CHARS,
            "description": "The names of the files, as the caller or its parameter set gave them.",
        },
        "PixelCheck": {
            "type": "object",
            "required": ["pixels", "largest_difference"],
            "description": "The pixels of lossless files compared with the photo, converted as `depth` and `color` ask for: \
                            where the files are fully opaque and show it at its own scale.",
            "properties": {
                "pixels": { "type": "integer", "minimum": 0, "description": "The pixels compared, of all files together." },
                "largest_difference": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": u16::MAX,
                    "description": "The largest difference of two samples, in steps of the file's depth.",
                },
            },
        },
        "RejectReason": {
            "type": "string",
            "enum": RejectReason::ALL.map(RejectReason::as_str),
            "description": "Why a reviewer rejects the pictures.",
        },
        "SetName": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
            "description": "The name of a parameter set.",
        },
        "State": {
            "type": "string",
            "enum": ["pending", "done"],
            "description": "Whether to keep polling. A failed job is done too; `status` says how it ended.",
        },
        "Timings": { "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } },
        "Verdict": {
            "type": "string",
            "enum": Verdict::ALL.map(Verdict::as_str),
            "description": "What was decided. `expired` means that nobody decided in time.",
        },
        "Warnings": { "type": "object", "additionalProperties": text_lists },
    });
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}
