//! The deletion of a job's files.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

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
    /// The direct uploads that the job was made from, until they were deleted too. Earlier records have one, as `upload`.
    #[serde(default, alias = "upload", deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<DeletedUpload>,
}

/// A direct upload that is deleted with its job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedUpload {
    /// Its key.
    pub key: UploadKey,
    /// Identifies the content that the job was made from. Other content is left alone.
    pub etag: ETag,
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<DeletedUpload>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        One(DeletedUpload),
        More(Vec<DeletedUpload>),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::One(upload) => vec![upload],
        Stored::More(uploads) => uploads,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_with_one_upload_is_read() {
        let upload = json!({"key": "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a", "etag": "\"0123456789abcdef\""});
        let writes_until = "2026-03-11T10:00:00Z";
        let earlier = json!({"next_at": writes_until, "writes_until": writes_until, "bytes": 7, "upload": upload});
        let deletion: Deletion = serde_json::from_value(earlier).expect("is read");
        assert_eq!(deletion.uploads.len(), 1);
        let written = serde_json::to_value(&deletion).expect("serializes");
        assert_eq!(written["uploads"], json!([upload]));
        assert_eq!(serde_json::from_value::<Deletion>(written).expect("is read"), deletion);
        let none: Deletion = serde_json::from_value(json!({"writes_until": writes_until})).expect("is read");
        assert_eq!(none.uploads, []);
        assert_eq!(serde_json::to_value(&none).expect("serializes").get("uploads"), None);
    }
}
