//! The store of API keys and owners.

use async_trait::async_trait;
use jiff::Timestamp;

use super::PortError;
use crate::domain::ids::OwnerId;
use crate::domain::keys::{KeyHash, KeyRecord, Owner};

/// API keys, and the settings of those who hold them.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores a new key. Storing the same hash again changes nothing.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn insert(&self, key: &KeyRecord) -> Result<(), PortError>;

    /// The key with this hash, revoked ones too.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, PortError>;

    /// Revokes a key. Whether there was one that was not revoked yet.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn revoke(&self, hash: &KeyHash, at: Timestamp) -> Result<bool, PortError>;

    /// The owner's settings; [`Owner::unlimited`] where nothing is stored.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn owner(&self, id: &OwnerId) -> Result<Owner, PortError>;

    /// Stores the owner's settings in place of what there was.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn put_owner(&self, owner: &Owner) -> Result<(), PortError>;

    /// Whether there is such an owner: one for whom a key was ever stored, or settings were.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn is_known(&self, id: &OwnerId) -> Result<bool, PortError>;
}
