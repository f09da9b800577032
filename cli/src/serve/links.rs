//! What signed links lead to.

use std::sync::Arc;

use async_trait::async_trait;
use cutline_core::StorageKey;
use cutline_core::ports::Blobs;
use cutline_http::{Refused, SignedFile, SignedFiles};
use cutline_local::LocalLinks;

/// [`SignedFiles`] out of a store of objects.
pub(crate) struct LinkedFiles {
    links: LocalLinks,
    blobs: Arc<dyn Blobs>,
}

impl LinkedFiles {
    pub(crate) fn new(links: LocalLinks, blobs: Arc<dyn Blobs>) -> Self {
        Self { links, blobs }
    }
}

#[async_trait]
impl SignedFiles for LinkedFiles {
    async fn open(&self, path_and_query: &str) -> Result<SignedFile, Refused> {
        let key = self.links.verify(path_and_query).map_err(|reason| {
            tracing::debug!(%reason, "a link was refused");
            Refused::Forbidden
        })?;
        let bytes = self.blobs.get(&key).await?.ok_or(Refused::NotFound)?;
        Ok(SignedFile { content_type: key.content_type(), file_name: file_name(&key), bytes })
    }
}

/// The last part of the key, which for an output is `<variation>.<ext>`.
fn file_name(key: &StorageKey) -> String {
    let key = key.to_string();
    key.rsplit('/').next().unwrap_or(&key).to_owned()
}
