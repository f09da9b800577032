//! The folder or bucket that files are dropped into.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::PortError;
use crate::domain::drops::{DropPath, DroppedObject};
use crate::domain::storage::StorageKey;

/// A look at a dropped file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropLook {
    /// The file no longer exists, or another one replaced it.
    Gone,
    /// The file exists.
    Found {
        /// Its size in bytes.
        bytes: u64,
        /// Its first [`DROP_HEAD_BYTES`] bytes, or all of a shorter file. They tell what kind of file it is.
        head: Bytes,
    },
}

/// How much of a dropped file is looked at.
pub const DROP_HEAD_BYTES: usize = 8192;

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
    /// Looks at a dropped file, in the version that was announced.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store; a missing file is not an error. [`PortError::Fail`] if the file exists
    /// but may not be read.
    async fn look(&self, object: &DroppedObject) -> Result<DropLook, PortError>;

    /// Copies a dropped file, in the version that was announced, to an object, durably, replacing any previous one. The
    /// bytes do not pass through memory as a whole. Returns false, and stores nothing, if the file no longer exists or
    /// another one replaced it.
    ///
    /// # Errors
    /// As for [`DropFiles::look`].
    async fn copy_to(&self, object: &DroppedObject, to: &StorageKey) -> Result<bool, PortError>;

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
