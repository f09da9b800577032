//! The message of the reports queue: a job and one of its reports. Everything else is read from the job's record, so a
//! message that arrives twice, late or out of order cannot be out of date.

use serde::{Deserialize, Serialize};

use super::ids::JobId;
use super::job::ReportId;

/// A message about a report to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMessage {
    /// The job.
    pub job_id: JobId,
    /// The report.
    pub report_id: ReportId,
}

/// The body is not a message about a report.
#[derive(Debug, thiserror::Error)]
#[error("not a message about a report: {0}")]
pub struct MalformedReportMessage(#[from] serde_json::Error);

impl ReportMessage {
    /// Parses a message's body.
    ///
    /// # Errors
    /// [`MalformedReportMessage`] if the body is not `{"job_id": "<uuid>", "report_id": "<text>"}`.
    pub fn parse(body: &str) -> Result<Self, MalformedReportMessage> {
        Ok(serde_json::from_str(body)?)
    }

    /// The message's body.
    pub fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("texts always serialize"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_round_trip_and_anything_else_is_rejected() {
        let body = r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a","report_id":"manifest"}"#;
        assert_eq!(ReportMessage::parse(body).expect("parses").body(), body);
        for bad in ["", "null", "{}", r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"}"#] {
            assert!(ReportMessage::parse(bad).is_err(), "{bad}");
        }
    }
}
