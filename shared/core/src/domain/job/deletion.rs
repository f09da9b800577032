//! The deletion of a job's files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When the files of a deleted job are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The next time; `None` once nothing can be left.
    #[serde(default)]
    pub next_at: Option<Timestamp>,
    /// Until when a worker that has lost the job may still write files.
    pub writes_until: Timestamp,
    /// The size of the files that are still stored, in bytes.
    #[serde(default)]
    pub bytes: u64,
}
