//! The folder or bucket that files are dropped into.

use async_trait::async_trait;
use bytes::Bytes;

use super::PortError;
use crate::domain::drops::{DropPath, DroppedObject};

/// A dropped file, as far as it is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropContent {
    /// It is not there any more, or another file is in its place.
    Gone,
    /// It has more bytes than [`MAX_BYTES`](crate::domain::drops::MAX_BYTES), and was not read.
    TooLarge {
        /// How many it has.
        bytes: u64,
    },
    /// What is in it.
    Bytes(Bytes),
}

/// A manifest as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// What is in it.
    pub bytes: Bytes,
    /// Names what is in it.
    pub tag: ManifestTag,
}

/// Names what is in a stored manifest: another manifest has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestTag(pub String);

/// The place where files are dropped, and results put beside.
#[async_trait]
pub trait DropFiles: Send + Sync {
    /// Reads a dropped file, in the version that was told of.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store; a missing file is none. [`PortError::Fail`] if it is there and may not be
    /// read.
    async fn read(&self, object: &DroppedObject) -> Result<DropContent, PortError>;

    /// Stores a file beside a drop's manifest, durably, in place of what was there. `name` is a plain file name.
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

    /// The manifest of a path, as it is after every change that was acknowledged.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError>;

    /// Stores the manifest of a path, durably, if what is stored is `before`, or nothing with `None`. Whether it was
    /// stored; of several at once with the same `before`, one is.
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
