//! The decision about a job that was held for review, and its last recut, as the API shows them.

use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::Decision;
use cutline_core::domain::job::Recut;
use jiff::Timestamp;
use serde::Serialize;

#[cfg(test)]
use crate::openapi::values;

/// The decision about a job's pictures.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Review))]
pub(crate) struct ReviewBody {
    /// `approved`, `rejected`, or `expired` if nobody decided in time.
    #[cfg_attr(test, schema(schema_with = values::verdict))]
    verdict: &'static str,
    /// The result that it is about.
    revision: u32,
    /// Who decided: `key:` and the short id of a key, `command-line`, or `system`.
    #[cfg_attr(test, schema(value_type = String))]
    by: Actor,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::reject_reason))]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    note: Option<String>,
}

impl ReviewBody {
    pub(crate) fn new(decision: &Decision) -> Self {
        let Decision { verdict, revision, by, at, reason, note, discarded_bytes: _ } = decision.clone();
        Self {
            verdict: verdict.as_str(),
            revision: revision.get(),
            by,
            at,
            reason: reason.map(|reason| reason.as_str()),
            note: note.map(String::from),
        }
    }
}

/// The last recut of a job's draft. Its changes are in the job's `subject`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Recut))]
pub(crate) struct RecutBody {
    /// The revision that it was made from.
    of: u32,
    /// Who requested it, as in `review`.
    #[cfg_attr(test, schema(value_type = String))]
    by: Actor,
    at: Timestamp,
}

impl RecutBody {
    pub(crate) fn new(recut: &Recut) -> Self {
        Self { of: recut.of.get(), by: recut.by.clone(), at: recut.at }
    }
}
