//! The store of API keys and owners.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::{ChangeOwnerError, PortError};
use crate::domain::ids::OwnerId;
use crate::domain::keys::{KeyHash, KeyRecord, Owner, OwnerChange};

/// API keys, and the settings of their owners.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores a new key. Storing a hash again changes nothing, not even a revoked key.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError>;

    /// The key with this hash, revoked or not.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError>;

    /// Revokes a key. Returns whether a valid key with this hash existed.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError>;

    /// The owner's settings, or [`Owner::unlimited`] if none are stored.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError>;

    /// Changes the owner's settings, all or nothing, and creates missing ones. Concurrent changes and debits lose nothing.
    ///
    /// # Errors
    /// [`ChangeOwnerError`]. After [`PortError::Retry`] the change may have been made: adding credits again would add them
    /// twice.
    async fn change_owner(&self, id: &OwnerId, change: OwnerChange) -> Result<(), ChangeOwnerError>;

    /// Whether a key or settings were ever stored for this owner.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError>;
}
