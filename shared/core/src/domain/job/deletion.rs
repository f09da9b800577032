//! The deletion of a job's files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::upload::{ETag, UploadKey};

/// When the files of a deleted job are deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The next time; `None` once nothing can be left.
    #[serde(default)]
    pub next_at: Option<Timestamp>,
    /// Until when a worker that has lost the job may still write files.
    pub writes_until: Timestamp,
    /// The size of the files that are still stored, in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// The direct upload that the job was made from, until it was deleted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<DeletedUpload>,
}

/// A direct upload that is deleted with its job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedUpload {
    /// Its key.
    pub key: UploadKey,
    /// Identifies the content that the job was made from. Other content is left alone.
    pub etag: ETag,
}
