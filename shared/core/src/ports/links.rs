//! Signed links.

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;

use super::PortError;
use crate::domain::storage::StorageKey;

/// A link that works without a key, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The link.
    pub url: Url,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Signs links to outputs.
#[async_trait]
pub trait Links: Send + Sync {
    /// A link to the object that works until [`Link::expires_at`]: one hour from now at most, and at least
    /// a quarter of an hour. Does not look whether the object exists. The link answers a GET with the
    /// object's bytes and its [`StorageKey::content_type`]; changed or expired, it is refused.
    ///
    /// # Errors
    /// [`PortError`] if it cannot be signed.
    async fn sign(&self, key: &StorageKey) -> Result<Link, PortError>;
}
