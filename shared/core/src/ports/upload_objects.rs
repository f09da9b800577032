//! The objects of direct uploads.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::PortError;
use super::links::Link;
use crate::domain::storage::StorageKey;
use crate::domain::upload::{ETag, Upload, UploadKey};

/// The head of an uploaded object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedObject {
    /// Identifies its content.
    pub etag: ETag,
    /// Its size in bytes.
    pub size: u64,
    /// Its first bytes: [`START_BYTES`], or all of a smaller object.
    pub start: Bytes,
    /// Whether [`StorageUsage`](super::StorageUsage) counts its bytes.
    pub is_counted: bool,
}

/// How many bytes of an object tell its kind.
pub const START_BYTES: usize = 8_192;

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadCopy {
    /// The object was copied.
    Copied,
    /// The object was replaced or deleted. Nothing was copied.
    Changed,
}

/// Grants, reads and copies uploaded objects.
#[async_trait]
pub trait UploadObjects: Send + Sync {
    /// A link that stores the upload's object with one PUT, and replaces a previous one. It works for 15 to 60 minutes.
    /// The PUT must have exactly the announced size as its `Content-Length`, and [`Upload::headers`]. With a digest, the
    /// store refuses other content. A broken or refused PUT changes nothing.
    ///
    /// # Errors
    /// [`PortError`] if the link cannot be signed.
    async fn grant(&self, upload: &Upload) -> Result<Link, PortError>;

    /// The head of an object, or `None` if it is missing.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn head(&self, key: UploadKey) -> Result<Option<UploadedObject>, PortError>;

    /// Copies an object, durably, if its content is still the one with this ETag, and replaces a previous one under `to`.
    /// The bytes do not pass through memory. A later change of the upload does not change the copy.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn copy(&self, key: UploadKey, etag: &ETag, to: &StorageKey) -> Result<UploadCopy, PortError>;
}
