//! Signed links.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;

use super::error::PortError;
use crate::domain::file_name::FileName;
use crate::domain::storage::StorageKey;
use crate::domain::url_text::WithoutSecrets;

/// A link that works without an API key for a limited time.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The link.
    pub url: Url,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Without the signature, which is all that a caller needs.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, expires_at } = self;
        f.debug_struct("Link").field("url", &WithoutSecrets(url)).field("expires_at", expires_at).finish()
    }
}

/// Signs links to outputs.
#[async_trait]
pub trait Links: Send + Sync {
    /// A link to the object that works until [`Link::expires_at`], 15 to 60 minutes from now. Its path ends with the
    /// object's [`StorageKey::file_name`]. Does not check whether the object exists. A GET of the link returns the
    /// object's bytes and its [`StorageKey::content_type`], and with a name its
    /// [`content_disposition`](crate::domain::file_name::content_disposition); a changed or expired link is refused.
    ///
    /// # Errors
    /// [`PortError`] if the link cannot be signed.
    async fn sign(&self, key: &StorageKey, file_name: Option<&FileName>) -> Result<Link, PortError>;
}
