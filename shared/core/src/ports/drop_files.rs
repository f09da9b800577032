//! The folder or bucket that files are dropped into.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::PortError;
use crate::domain::drops::{DropPath, DroppedObject};

/// The content of a dropped file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropContent {
    /// The file no longer exists, or another one replaced it.
    Gone,
    /// The file exceeds [`MAX_SOURCE_BYTES`](crate::domain::limits::MAX_SOURCE_BYTES) and was not read.
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
    /// The file's bytes.
    Bytes(Bytes),
}

/// A stored manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Its content.
    pub bytes: Bytes,
    /// Identifies its content.
    pub tag: ManifestTag,
}

/// Identifies the content of a stored manifest: different contents have different tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestTag(pub String);

/// Dropped files and their results.
#[async_trait]
pub trait DropFiles: Send + Sync {
    /// Reads a dropped file, in the version that was announced.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store; a missing file is not an error. [`PortError::Fail`] if the file exists
    /// but may not be read.
    async fn read(&self, object: &DroppedObject) -> Result<DropContent, PortError>;

    /// Stores a file next to a drop's manifest, durably, replacing any previous one. `name` is a plain file name.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_result(
        &self,
        path: &DropPath,
        name: &str,
        content_type: &'static str,
        bytes: Bytes,
    ) -> Result<(), PortError>;

    /// The manifest of a path. Sees every acknowledged change.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError>;

    /// Stores the manifest of a path, durably, if the stored one has the tag `before`; with `None`, if none is stored.
    /// Returns whether it was stored; of several concurrent calls with the same `before`, one stores its manifest.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_manifest(
        &self,
        path: &DropPath,
        bytes: Bytes,
        before: Option<&ManifestTag>,
    ) -> Result<bool, PortError>;
}
