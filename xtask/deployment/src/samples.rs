//! The sample events in `events/`, and their answers.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tools::root;

/// The answer to a sample event.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// An HTTP status, and the `error` code of an error.
    Http(u64, Option<&'static str>),
    /// A batch response that reports the messages with these indexes as failed.
    Batch(&'static [usize]),
}

use Expected::{Batch, Http};

/// All sample events, each with its answer from a new deployment that knows the key in them.
pub const EXPECTED: [(&str, Expected); 22] = [
    // The files do not exist, so there is nothing to do.
    ("intake-drops.json", Batch(&[])),
    ("intake-message.json", Batch(&[])),
    ("intake-s3-test.json", Batch(&[])),
    ("process-batch.json", Batch(&[1])),
    // Forwarded to the intake function.
    ("process-drops.json", Batch(&[])),
    ("process-message.json", Batch(&[])),
    ("process-s3-test.json", Batch(&[])),
    ("status-job.json", Http(404, Some("not_found"))),
    ("status-jobs.json", Http(200, None)),
    ("status-no-id.json", Http(422, Some("validation"))),
    ("status-params.json", Http(200, None)),
    ("status-unknown-route.json", Http(404, Some("not_found"))),
    ("status-wrong-method.json", Http(405, Some("method_not_allowed"))),
    ("sweep-dead-letters.json", Batch(&[])),
    ("sweep-schedule.json", Batch(&[])),
    ("upload-delete-job.json", Http(404, Some("not_found"))),
    ("upload-invalid.json", Http(422, Some("validation"))),
    ("upload-json.json", Http(202, None)),
    ("upload-multipart.json", Http(202, None)),
    ("upload-no-key.json", Http(401, Some("unauthorized"))),
    ("upload-put-params.json", Http(201, None)),
    ("upload-retry-job.json", Http(404, Some("not_found"))),
];

/// A sample event.
///
/// # Errors
/// If the file cannot be read.
pub fn sample(name: &str) -> Result<Value> {
    let text = std::fs::read(root().join("events").join(name)).with_context(|| format!("cannot read events/{name}"))?;
    serde_json::from_slice(&text).with_context(|| format!("events/{name} is not JSON"))
}

#[cfg(test)]
mod tests;
