//! The picture that a set has stand behind the subject: fetched once for all photographs.

use anyhow::Context;
use bytes::Bytes;
use cutline_core::SourceUrl;
use cutline_core::ports::SourceFetcher as _;
use cutline_http::{FetchConfig, HttpFetcher};

/// Fetches it, from the public internet alone.
///
/// # Errors
/// What the fetcher tells.
pub(super) fn fetch(url: &SourceUrl) -> anyhow::Result<Bytes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetcher = HttpFetcher::new(FetchConfig::default())?;
    let fetched = runtime.block_on(fetcher.fetch(url));
    fetched
        .map_err(|fault| anyhow::anyhow!(fault.failure().message.clone()))
        .with_context(|| format!("the background's image, {url}"))
}
