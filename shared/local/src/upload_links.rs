//! Signed links to upload files: the local equivalent of presigned PUTs. They work for an hour.
//!
//! A link is `<base>/uploads/<key>?expires=<unix seconds>&signature=<hex>`, signed with HMAC-SHA256 over the key and the
//! expiry. What may be uploaded there is in the upload's record.

use std::sync::Arc;

use async_trait::async_trait;
use cutline_core::Clock;
use cutline_core::domain::upload::{Upload, UploadKey};
use cutline_core::ports::{Link, PortError, UploadLinks};
use jiff::Timestamp;
use url::Url;

use crate::links::{LIFETIME, LinkError, LinkSecret, check, signature};

/// Distinguishes these signatures from all others of the same secret.
const PURPOSE: &str = "cutline upload link 1";

/// [`UploadLinks`] to this server.
#[derive(Clone)]
pub struct LocalUploadLinks {
    secret: LinkSecret,
    base: Arc<Url>,
    clock: Arc<dyn Clock>,
}

impl LocalUploadLinks {
    /// Links below `base`, the server's public address. A path in it is kept.
    pub fn new(secret: LinkSecret, base: Url, clock: Arc<dyn Clock>) -> Self {
        Self { secret, base: Arc::new(base), clock }
    }

    /// Checks a link and returns the key of its upload. `path_and_query` is the link without scheme, host and port. The
    /// signature is compared in constant time.
    ///
    /// # Errors
    /// [`LinkError`] if the link was changed or has expired.
    pub fn verify(&self, path_and_query: &str) -> Result<UploadKey, LinkError> {
        let (path, query) = path_and_query.split_once('?').ok_or(LinkError::Invalid)?;
        let (expires, signature) = query.split_once('&').ok_or(LinkError::Invalid)?;
        let key = path.strip_prefix("/uploads/").ok_or(LinkError::Invalid)?;
        let expires = expires.strip_prefix("expires=").ok_or(LinkError::Invalid)?;
        let signature = signature.strip_prefix("signature=").ok_or(LinkError::Invalid)?;
        check(&self.secret, &[PURPOSE, key, expires], signature)?;
        let key = key.parse().map_err(|_| LinkError::Invalid)?;
        let expires: i64 = expires.parse().map_err(|_| LinkError::Invalid)?;
        if expires <= self.clock.now().as_second() { Err(LinkError::Expired) } else { Ok(key) }
    }
}

#[async_trait]
impl UploadLinks for LocalUploadLinks {
    async fn sign(&self, upload: &Upload) -> Result<Link, PortError> {
        let key = upload.key.to_string();
        let expires = self.clock.now().as_second() + LIFETIME;
        let signature = signature(&self.secret, &[PURPOSE, &key, &expires.to_string()]);
        let mut url = Url::clone(&self.base);
        url.path_segments_mut()
            .map_err(|()| PortError::fail("the public URL cannot have a path"))?
            .pop_if_empty()
            .extend(["uploads", &key]);
        url.set_query(Some(&format!("expires={expires}&signature={signature}")));
        let expires_at = Timestamp::from_second(expires).map_err(PortError::fail)?;
        Ok(Link { url, expires_at })
    }
}
