//! The background image of a parameter set, fetched once for all photos.

use anyhow::Context;
use bytes::Bytes;
use cutline_core::SourceUrl;
use cutline_core::ports::SourceFetcher as _;
use cutline_http::{FetchConfig, HttpFetcher};

/// Fetches the image. Private addresses are refused.
pub(super) fn fetch(url: &SourceUrl) -> anyhow::Result<Bytes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetcher = HttpFetcher::new(FetchConfig::default())?;
    runtime
        .block_on(fetcher.fetch(url))
        .map_err(|fault| anyhow::anyhow!(fault.failure().message.clone()))
        .with_context(|| format!("cannot fetch the background image {url}"))
}
