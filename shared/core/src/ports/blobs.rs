//! The object store.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::PortError;
use crate::domain::storage::StorageKey;

/// Stored bytes. An object exists as a whole or not at all.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores an object, durably, replacing any previous one.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError>;

    /// Stores an object, durably, unless one exists. Returns whether it was stored; of several concurrent calls,
    /// exactly one stores its object.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError>;

    /// The object's bytes, or `None` if it is missing.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError>;

    /// Copies an object, durably, replacing any previous one under `to`. The bytes do not pass through memory as a whole.
    /// Returns false, and changes nothing, if there is no object under `from`.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn copy(&self, from: &StorageKey, to: &StorageKey) -> Result<bool, PortError>;
}
