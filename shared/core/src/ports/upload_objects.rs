//! The objects of direct uploads.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::PortError;
use crate::domain::storage::StorageKey;
use crate::domain::upload::{ETag, UploadKey};

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

/// Reads, copies and deletes uploaded objects.
#[async_trait]
pub trait UploadObjects: Send + Sync {
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

    /// Deletes an object if its content is still the one with this ETag. Deleting it again changes nothing. Copies of it
    /// stay.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn delete(&self, key: UploadKey, etag: &ETag) -> Result<(), PortError>;
}
