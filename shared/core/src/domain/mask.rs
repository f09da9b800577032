//! A mask that comes as a file of its own.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::{Digest, InvalidDigest};
use super::request::SourceUrl;
use super::upload::{ETag, UploadKey};

/// The content of a mask, as far as that is known when it is requested. Two requests with equal content ask for the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskContent {
    /// Bytes with this SHA-256, which came with the request.
    Sha256(Digest),
    /// Whatever is there when it is fetched.
    Url(SourceUrl),
    /// A direct upload, as it was when the request was accepted.
    Upload {
        /// The key of the upload.
        key: UploadKey,
        /// Identifies its content.
        etag: ETag,
    },
    /// A file that was dropped, by the digest of its [identity](super::drops::DropOrigin::identity).
    Drop(Digest),
}

/// Names one mask among those of a job: each that a request brings is stored apart, so a cut that fails leaves the mask of
/// the draft before it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaskId(Digest);

impl MaskId {
    /// The id of a mask that is requested at this time. Of two requests at the same millisecond, those for the same mask
    /// have the same id.
    pub fn new(content: &MaskContent, at: Timestamp) -> Self {
        let (kind, value, version) = match content {
            MaskContent::Sha256(digest) => ("sha256", digest.to_string(), String::new()),
            MaskContent::Url(url) => ("url", url.as_url().to_string(), String::new()),
            MaskContent::Upload { key, etag } => ("upload", key.to_string(), etag.to_string()),
            MaskContent::Drop(digest) => ("drop", digest.to_string(), String::new()),
        };
        Self(Digest::of_parts(&[kind, &value, &version, &at.as_millisecond().to_string()]))
    }
}

impl fmt::Display for MaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MaskId {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        text.parse().map(Self)
    }
}

/// The mask of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMask {
    /// Under which it is stored, as [`StorageKey::Mask`](crate::StorageKey::Mask).
    pub id: MaskId,
    /// Its content.
    pub content: MaskContent,
    /// Its size in bytes, once it is stored and counts among its job's bytes. `None` in records of releases that did not note
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl JobMask {
    /// The mask of a request at this time.
    pub fn new(content: MaskContent, at: Timestamp) -> Self {
        Self { id: MaskId::new(&content, at), content, bytes: None }
    }

    /// The address that it is fetched from; `None` for one that is stored before its job is accepted.
    pub fn url(&self) -> Option<&SourceUrl> {
        match &self.content {
            MaskContent::Url(url) => Some(url),
            MaskContent::Sha256(_) | MaskContent::Upload { .. } | MaskContent::Drop(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_id_tells_contents_and_times_apart() {
        let at = |millis| Timestamp::from_millisecond(millis).expect("a time");
        let url = |url: &str| MaskContent::Url(url.parse().expect("a URL"));
        let upload = |key: u128, etag: &str| MaskContent::Upload {
            key: UploadKey::new(uuid::Uuid::from_u128(key)),
            etag: etag.parse().expect("an ETag"),
        };
        let contents = [
            MaskContent::Sha256(Digest::of(b"mask")),
            MaskContent::Sha256(Digest::of(b"other")),
            url("https://example.com/m.png?sig=1"),
            url("https://example.com/m.png?sig=2"),
            upload(1, "\"a\""),
            upload(1, "\"b\""),
            upload(2, "\"a\""),
            MaskContent::Drop(Digest::of(b"mask")),
        ];
        let mut seen = HashSet::new();
        for content in &contents {
            for millis in [1, 2] {
                let id = MaskId::new(content, at(millis));
                assert!(seen.insert(id), "{content:?}");
                assert_eq!(MaskId::new(content, at(millis)), id);
                assert_eq!(id.to_string().parse(), Ok(id));
            }
            let mask = JobMask::new(content.clone(), at(1));
            let stored = serde_json::to_value(&mask).expect("serializes");
            assert_eq!(serde_json::from_value::<JobMask>(stored).expect("reads"), mask);
        }
    }
}
