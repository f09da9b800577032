//! The object store.

use async_trait::async_trait;
use bytes::Bytes;

use super::PortError;
use crate::domain::storage::StorageKey;

/// Stored bytes. An object is there whole or not at all.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores an object, durably, in place of what was there.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError>;

    /// Stores an object, durably, unless there is one. Whether it was stored. Of several at once, exactly
    /// one is stored.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError>;

    /// The object's bytes, or `None` where there is none.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store; a missing object is none.
    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError>;
}
