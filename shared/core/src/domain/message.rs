//! What goes through the queue: only which job is meant. Everything else is read from the job's record,
//! so a message that comes twice, late or out of order says nothing that could be out of date.

use serde::{Deserialize, Serialize};

use crate::domain::ids::JobId;

/// The body of a queue message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The job to be worked on.
    pub job_id: JobId,
}

/// The body is not a message of ours.
#[derive(Debug, thiserror::Error)]
#[error("not a job message: {0}")]
pub struct MalformedMessage(#[from] serde_json::Error);

impl Message {
    /// Reads a message's body.
    ///
    /// # Errors
    /// [`MalformedMessage`] if the body is not `{"job_id": "<uuid>"}`.
    pub fn parse(body: &str) -> Result<Self, MalformedMessage> {
        Ok(serde_json::from_str(body)?)
    }

    /// The message as a body.
    pub fn body(&self) -> String {
        format!(r#"{{"job_id":"{}"}}"#, self.job_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_round_trips_and_anything_else_is_refused() {
        let body = r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"}"#;
        assert_eq!(Message::parse(body).expect("parses").body(), body);
        for bad in ["", "null", "{}", r#"{"job_id":7}"#, r#"{"job_id":"x"}"#] {
            assert!(Message::parse(bad).is_err(), "{bad}");
        }
    }
}
