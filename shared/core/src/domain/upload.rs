//! Files that a client uploads directly to the object store, and then names in a request by their key.
//!
//! The client asks for an upload and gets a key and a signed link. The link takes one PUT of exactly the announced size
//! and media type, and with a digest of exactly that content. A later PUT on the same link replaces the object, so the
//! acceptance of a job pins the object's [`ETag`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::digest::Digest;
use super::ids::{JobId, OwnerId};
use super::time::after;

/// How long a key can be sent with a request.
pub const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an upload is kept after its creation: a job that was accepted with its key may be pending for four days before
/// its object is copied, and a request may be repeated under its idempotency key, where its fingerprint needs the object's
/// ETag.
pub const KEPT: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// The header with the digest of an upload, as S3 names it.
pub const CHECKSUM_HEADER: &str = "x-amz-checksum-sha256";

/// The folder of uploaded objects.
const FOLDER: &str = "uploads";

/// The key of an upload: a UUID with one spelling, so it cannot lead anywhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UploadKey(Uuid);

/// The text is not the key of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of an upload")]
pub struct InvalidUploadKey;

impl UploadKey {
    /// Wraps a UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The key of its object in the store: `uploads/<key>`.
    pub fn object(self) -> String {
        format!("{FOLDER}/{self}")
    }
}

impl fmt::Display for UploadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for UploadKey {
    type Err = InvalidUploadKey;

    fn from_str(text: &str) -> Result<Self, InvalidUploadKey> {
        let key = Uuid::try_parse(text).map(Self).map_err(|_| InvalidUploadKey)?;
        // A UUID has several spellings; a key has one.
        if key.to_string() == text { Ok(key) } else { Err(InvalidUploadKey) }
    }
}

impl TryFrom<String> for UploadKey {
    type Error = InvalidUploadKey;

    fn try_from(text: String) -> Result<Self, InvalidUploadKey> {
        text.parse()
    }
}

impl From<UploadKey> for String {
    fn from(key: UploadKey) -> Self {
        key.to_string()
    }
}

/// Identifies the content of an uploaded object, as its store writes it: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ETag(String);

/// The text is not an ETag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ETag: expected 1 to 128 visible ASCII characters")]
pub struct InvalidETag;

impl ETag {
    /// The ETag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ETag {
    type Error = InvalidETag;

    fn try_from(text: String) -> Result<Self, InvalidETag> {
        let is_valid = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_valid { Ok(Self(text)) } else { Err(InvalidETag) }
    }
}

impl FromStr for ETag {
    type Err = InvalidETag;

    fn from_str(text: &str) -> Result<Self, InvalidETag> {
        Self::try_from(text.to_owned())
    }
}

impl From<ETag> for String {
    fn from(etag: ETag) -> Self {
        etag.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The media type that an upload is announced and sent with: `image/…` or `application/…`, without parameters, at most
/// 100 characters. The content decides what a file is, so this only has to be a type that a picture can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UploadType(String);

/// The text is not the media type of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the file's media type without parameters, such as image/jpeg or application/octet-stream")]
pub struct InvalidUploadType;

impl UploadType {
    /// The longest media type, in characters.
    const MAX_CHARS: usize = 100;

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UploadType {
    type Error = InvalidUploadType;

    fn try_from(text: String) -> Result<Self, InvalidUploadType> {
        // RFC 6838, section 4.2.
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        let is_valid =
            text.split_once('/').is_some_and(|(kind, name)| matches!(kind, "image" | "application") && is_name(name));
        if is_valid && text.len() <= Self::MAX_CHARS { Ok(Self(text)) } else { Err(InvalidUploadType) }
    }
}

impl FromStr for UploadType {
    type Err = InvalidUploadType;

    fn from_str(text: &str) -> Result<Self, InvalidUploadType> {
        Self::try_from(text.to_owned())
    }
}

impl From<UploadType> for String {
    fn from(kind: UploadType) -> Self {
        kind.0
    }
}

/// A file as a client announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRequest {
    /// Its media type.
    pub content_type: UploadType,
    /// Its size in bytes: 1 to [`MAX_SOURCE_BYTES`](super::limits::MAX_SOURCE_BYTES).
    pub size: u64,
    /// Its digest, if the store shall check it.
    pub sha256: Option<Digest>,
}

/// An upload: permission to store one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its key.
    pub key: UploadKey,
    /// Whose it is.
    pub owner: OwnerId,
    /// The announced file.
    pub request: UploadRequest,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Upload {
    /// When its key expires.
    pub fn expires_at(&self) -> Timestamp {
        after(self.created_at, KEY_LIFETIME)
    }

    /// Whether its key has expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }

    /// The headers that the PUT must have, in addition to `Content-Length`, which browsers set themselves.
    pub fn headers(&self) -> BTreeMap<&'static str, String> {
        let content_type = ("Content-Type", self.request.content_type.as_str().to_owned());
        let checksum = self.request.sha256.map(|digest| (CHECKSUM_HEADER, digest.to_base64()));
        [Some(content_type), checksum].into_iter().flatten().collect()
    }
}

/// The jobs that were made from an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadUse {
    /// Identifies the content that the last of them was accepted with.
    pub etag: ETag,
    /// The jobs, among them requests that were about to be accepted and then failed.
    pub jobs: BTreeSet<JobId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling_and_leads_nowhere_else() {
        let key = UploadKey::new(Uuid::now_v7());
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        assert_eq!(key.object(), format!("uploads/{text}"));
        for bad in [
            "",
            "..",
            "../../etc/passwd",
            "uploads/019cdc54-2673-7c32-b9e5-6e1d36cc9e8a",
            "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a/../x",
            &text.to_uppercase(),
            &text.replace('-', ""),
            &format!("{{{text}}}"),
            &format!("urn:uuid:{text}"),
            &format!("{text} "),
            &format!("{text}\0"),
        ] {
            assert_eq!(bad.parse::<UploadKey>(), Err(InvalidUploadKey), "{bad:?}");
        }
    }

    #[test]
    fn a_type_is_one_that_a_picture_can_have() {
        for good in ["image/jpeg", "image/svg+xml", "image/vnd.adobe.photoshop", "application/octet-stream"] {
            assert!(good.parse::<UploadType>().is_ok(), "{good}");
        }
        let long = format!("image/{}", "x".repeat(100));
        for bad in [
            "",
            "jpeg",
            "image",
            "image/",
            "/jpeg",
            "image//jpeg",
            "image/jpeg; q=1",
            "image/jpeg\r\nX: y",
            "image/é",
            "text/html",
            "multipart/form-data",
            "image/jp eg",
            "IMAGE/jpeg",
            " image/jpeg",
            "image/*",
            &long,
        ] {
            assert_eq!(bad.parse::<UploadType>(), Err(InvalidUploadType), "{bad:?}");
        }
    }

    #[test]
    fn an_etag_fits_into_a_header() {
        for good in ["\"d41d8cd98f00b204e9800998ecf8427e\"", "a-2", &"x".repeat(128)] {
            assert_eq!(good.parse::<ETag>().map(|etag| etag.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a b", "a\n", "é", &"x".repeat(129)] {
            assert_eq!(bad.parse::<ETag>(), Err(InvalidETag), "{bad:?}");
        }
    }

    #[test]
    fn a_digest_becomes_a_header() {
        let request = UploadRequest {
            content_type: "image/png".parse().expect("a type"),
            size: 3,
            sha256: Some(Digest::of(b"abc")),
        };
        let (key, owner) = (UploadKey::new(Uuid::now_v7()), "shop".parse().expect("an owner"));
        let upload = Upload { key, owner, request, created_at: Timestamp::UNIX_EPOCH };
        let expected = BTreeMap::from([
            ("Content-Type", "image/png".to_owned()),
            (CHECKSUM_HEADER, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=".to_owned()),
        ]);
        assert_eq!(upload.headers(), expected);
        let plain = UploadRequest { sha256: None, ..upload.request.clone() };
        assert_eq!(Upload { request: plain, ..upload }.headers().len(), 1);
    }
}
