//! The queue's job message: the id alone. Everything else is read from the job's record, so a message that arrives
//! twice, late or out of order cannot be out of date.

use serde::{Deserialize, Serialize};

use crate::domain::ids::JobId;

/// A job message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The job to work on.
    pub job_id: JobId,
}

/// The body is not a job message.
#[derive(Debug, thiserror::Error)]
#[error("not a job message: {0}")]
pub struct MalformedMessage(#[from] serde_json::Error);

impl Message {
    /// Parses a message's body.
    ///
    /// # Errors
    /// [`MalformedMessage`] if the body is not `{"job_id": "<uuid>"}`.
    pub fn parse(body: &str) -> Result<Self, MalformedMessage> {
        Ok(serde_json::from_str(body)?)
    }

    /// The message's body.
    pub fn body(&self) -> String {
        format!(r#"{{"job_id":"{}"}}"#, self.job_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_round_trip_and_anything_else_is_rejected() {
        let body = r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"}"#;
        assert_eq!(Message::parse(body).expect("parses").body(), body);
        for bad in ["", "null", "{}", r#"{"job_id":7}"#, r#"{"job_id":"x"}"#] {
            assert!(Message::parse(bad).is_err(), "{bad}");
        }
    }
}
