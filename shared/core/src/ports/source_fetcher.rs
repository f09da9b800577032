//! Fetching a `file_url`.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::failure::Fault;
use crate::domain::request::SourceUrl;

/// Fetches sources from the internet.
#[async_trait]
pub trait SourceFetcher: Send + Sync {
    /// The bytes at `url`.
    ///
    /// # Errors
    /// [`Fault`], with a message for the caller: forbidden address, too large, too slow, or an error response.
    async fn fetch(&self, url: &SourceUrl) -> Result<Bytes, Fault>;
}
