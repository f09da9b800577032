//! Fetching a `file_url`.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::failure::Fault;
use crate::domain::request::SourceUrl;

/// Fetches a source from the internet.
#[async_trait]
pub trait SourceFetcher: Send + Sync {
    /// The bytes at `url`.
    ///
    /// # Errors
    /// [`Fault`], with a message for the caller: refused address, too large, too slow, an error answer.
    async fn fetch(&self, url: &SourceUrl) -> Result<Bytes, Fault>;
}
