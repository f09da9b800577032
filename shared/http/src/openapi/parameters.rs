//! The parameters of requests: of the path, the query and the headers.

use cutline_core::Mode;
use cutline_core::domain::decision::Verdict;
use cutline_core::domain::job::ListedStatus;
use cutline_core::domain::limits::MAX_IDEMPOTENCY_KEY_CHARS;
use serde_json::{Value, json};

use super::values::SCHEMAS;
use crate::job_query::STATES;
use crate::paging::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::prefer::MAX_WAIT;

/// A parameter.
pub(super) struct Parameter {
    /// The name of the component.
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) place: Place,
    description: &'static str,
    schema: fn() -> Value,
    pub(super) example: &'static str,
}

/// Where a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    /// In the query, and required.
    RequiredQuery,
    Header,
}

/// Every parameter.
pub(super) const ALL: [Parameter; 19] = [
    Parameter {
        key: "JobIdInQuery",
        name: "job_id",
        place: Place::RequiredQuery,
        description: "The job's id, from the answer to its upload.",
        schema: job_id,
        example: "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a",
    },
    Parameter {
        key: "JobIdInPath",
        name: "id",
        place: Place::Path,
        description: "The job's id.",
        schema: job_id,
        example: "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a",
    },
    Parameter {
        key: "SetName",
        name: "name",
        place: Place::Path,
        description: "The name of the parameter set.",
        schema: || json!({ "$ref": format!("{SCHEMAS}SetName") }),
        example: "amazon-main",
    },
    Parameter {
        key: "State",
        name: "state",
        place: Place::Query,
        description: "Only jobs that are pending, or only those that have ended.",
        schema: || choice(STATES),
        example: "done",
    },
    Parameter {
        key: "ListedStatus",
        name: "status",
        place: Place::Query,
        description: "Only jobs with this status. `queued` covers every job that has not ended and is not held for review.",
        schema: || choice(ListedStatus::ALL.map(ListedStatus::as_str)),
        example: "failed",
    },
    Parameter {
        key: "Review",
        name: "review",
        place: Place::Query,
        description: "Only jobs that were held for review, and about which this was decided.",
        schema: || choice(Verdict::ALL.map(Verdict::as_str)),
        example: "rejected",
    },
    Parameter {
        key: "Mode",
        name: "mode",
        place: Place::Query,
        description: "Only jobs of this mode.",
        schema: || choice(Mode::ALL.map(Mode::as_str)),
        example: "clipping",
    },
    Parameter {
        key: "ExternalId",
        name: "external_id",
        place: Place::Query,
        description: "Only jobs with this id of the caller's own.",
        schema: || json!({ "$ref": format!("{SCHEMAS}ExternalId") }),
        example: "order-4711",
    },
    Parameter {
        key: "ConfidenceBelow",
        name: "confidence_lt",
        place: Place::Query,
        description: "Only done jobs whose confidence is below this.",
        schema: || json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        example: "0.5",
    },
    Parameter {
        key: "CreatedAfter",
        name: "created_after",
        place: Place::Query,
        description: "Only jobs created after this time.",
        schema: time,
        example: "2026-11-29T12:00:00Z",
    },
    Parameter {
        key: "CreatedBefore",
        name: "created_before",
        place: Place::Query,
        description: "Only jobs created before this time.",
        schema: time,
        example: "2026-11-30T12:00:00Z",
    },
    Parameter {
        key: "Limit",
        name: "limit",
        place: Place::Query,
        description: "The most entries of the page.",
        schema: || json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
        example: "100",
    },
    Parameter {
        key: "JobsCursor",
        name: "cursor",
        place: Place::Query,
        description: "The `cursor` of the previous page of the same list.",
        schema: || json!({ "type": "string" }),
        example: "",
    },
    Parameter {
        key: "ParamsCursor",
        name: "cursor",
        place: Place::Query,
        description: "The `cursor` of the previous page of the same list.",
        schema: || json!({ "type": "string" }),
        example: "b3duL1Rlc3QtQXBp",
    },
    Parameter {
        key: "IdempotencyKey",
        name: "Idempotency-Key",
        place: Place::Header,
        description: "The caller's name for this request, for example a UUID. A request that repeats it within 24 hours \
                      gets the first answer again, and creates and charges nothing. With other content it is a 422.",
        // The quotes of the draft's form count too.
        schema: || json!({ "type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY_CHARS }),
        example: "8e03978e-40d5-43dd-bc93-6894a57f9324",
    },
    Parameter {
        key: "Prefer",
        name: "Prefer",
        place: Place::Header,
        description: "`wait=N`: answer when the job has ended, or after N seconds. Other preferences are ignored. A server \
                      may wait for less, or not at all.",
        schema: || json!({ "type": "string" }),
        example: "wait=5",
    },
    Parameter {
        key: "IfMatch",
        name: "If-Match",
        place: Place::Header,
        description: "Change the set only if its `ETag` is one of these, or `*`: only if it exists.",
        schema: tags,
        example: "\"9f86d081884c7d659a2feaa0c55ad015\"",
    },
    Parameter {
        key: "OnlyIfAbsent",
        name: "If-None-Match",
        place: Place::Header,
        description: "`*`: change nothing if the set exists.",
        schema: || json!({ "type": "string", "enum": ["*"] }),
        example: "*",
    },
    Parameter {
        key: "IfNoneMatch",
        name: "If-None-Match",
        place: Place::Header,
        description: "The `ETag` of the state that the caller has: if it is the current one, the answer is 304.",
        schema: tags,
        example: "\"9f86d081884c7d659a2feaa0c55ad015\"",
    },
];

fn choice<const N: usize>(names: [&'static str; N]) -> Value {
    json!({ "type": "string", "enum": names.to_vec() })
}

fn job_id() -> Value {
    json!({ "$ref": format!("{SCHEMAS}JobId") })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn tags() -> Value {
    json!({ "type": "string" })
}

impl Place {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query | Self::RequiredQuery => "query",
            Self::Header => "header",
        }
    }
}

impl Parameter {
    /// The example, as the type of the schema.
    pub(super) fn example_value(&self) -> Value {
        match (self.schema)()["type"].as_str() {
            Some("integer" | "number") => serde_json::from_str(self.example).expect("a number"),
            _ => self.example.into(),
        }
    }
}

/// `components.parameters`.
pub(super) fn components() -> Value {
    let component = |parameter: &Parameter| {
        let mut description = parameter.description.to_owned();
        if parameter.key == "Prefer" {
            description.push_str(&format!(" N is at most {}.", MAX_WAIT.as_secs()));
        }
        let mut value = json!({
            "name": parameter.name,
            "in": parameter.place.as_str(),
            "required": matches!(parameter.place, Place::Path | Place::RequiredQuery),
            "description": description,
            "schema": (parameter.schema)(),
        });
        let is_required = value["required"] == true;
        match parameter.example {
            "" => {}
            _ if is_required => value["example"] = parameter.example_value(),
            // Not as the parameter's own example, with which a browser would fill in every condition of a list.
            _ => value["schema"]["examples"] = json!([parameter.example_value()]),
        }
        (parameter.key.to_owned(), value)
    };
    Value::Object(ALL.iter().map(component).collect())
}
