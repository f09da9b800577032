//! The content of a queue message, independent of its sender and its encoding.

use jiff::Timestamp;

use crate::domain::drops::DroppedObject;
use crate::domain::message::Message;

/// The work that a queue message asks for. The adapter that receives a message parses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkRequest {
    /// Process a job, or deliver its reports.
    Job(Message),
    /// Take in dropped files.
    Drops(DropNotice),
    /// Nothing. Some storage services send a test message when they are connected to a queue.
    Nothing,
    /// The message cannot be read.
    Unreadable {
        /// The reason, for the log.
        reason: String,
    },
}

/// A notification about dropped files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropNotice {
    /// When the first of the files was dropped.
    pub at: Timestamp,
    /// The files. Only created files under a drop's key; other events are left out.
    pub objects: Vec<DroppedObject>,
}

impl WorkRequest {
    /// Parses a message of a queue that carries job messages only.
    pub fn parse_job(body: &str) -> Self {
        match Message::parse(body) {
            Ok(message) => Self::Job(message),
            Err(error) => Self::Unreadable { reason: error.to_string() },
        }
    }
}
