//! Fetching a source from the internet, for a caller we do not trust.
//!
//! The fetcher protects the network that Cutline runs in: it connects only to public addresses, also after a
//! redirect, and also if the address of a name changes in between (DNS rebinding). It protects memory by a
//! limit in bytes that it counts itself, and time by one limit over connecting, redirects and body. The
//! content decides whether the source is a picture, never the URL or a header.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::limits::MAX_SOURCE_BYTES;
use cutline_core::ports::SourceFetcher;
use cutline_core::{FailureCode, Fault, SourceUrl};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod fault;
pub(crate) mod resolve;
#[cfg(test)]
mod tests;

use crate::body_buffer::BodyBuffer;
use address::AddressPolicy;
pub use client::SetupError;
use client::{guarded_client, literal_address};
use resolve::{Lookup, system_lookup};

/// The limits of a fetch. The defaults are the documented limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchConfig {
    /// Whether the fetcher may connect to this machine and to private networks. For trials only: it lets every
    /// caller with a key read what this machine can read.
    pub allow_private: bool,
    /// The largest source, in bytes.
    pub max_bytes: usize,
    /// The longest time from the first DNS lookup to the last byte.
    pub timeout: Duration,
    /// The most redirects to follow.
    pub max_redirects: usize,
    /// The most sources over 4 MB in memory at the same time. Others wait up to three times as long as a fetch
    /// takes; the wait does not count as their time.
    pub max_large: usize,
}

/// How long a large source waits for room, as a multiple of the time of a fetch.
const ROOM_WAITS: u32 = 3;

/// A source over this many bytes counts as large.
const LARGE_BYTES: usize = 4_000_000;

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            allow_private: false,
            max_bytes: MAX_SOURCE_BYTES as usize,
            timeout: Duration::from_secs(20),
            max_redirects: 3,
            max_large: 8,
        }
    }
}

/// [`SourceFetcher`] over HTTP. Create it once and share it: it holds the root certificates.
#[derive(Debug, Clone)]
pub struct HttpFetcher {
    client: Client,
    policy: AddressPolicy,
    config: FetchConfig,
    /// The room for large sources.
    large: Arc<Semaphore>,
}

/// A large source, which takes its room until it is dropped.
struct LargeBody {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for LargeBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpFetcher {
    /// A fetcher with these limits that trusts the system's root certificates.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(config: FetchConfig) -> Result<Self, SetupError> {
        Self::with(config, AddressPolicy::public(config.allow_private), system_lookup())
    }

    fn with(config: FetchConfig, policy: AddressPolicy, lookup: Lookup) -> Result<Self, SetupError> {
        // Supported kinds come first, so that a server with a choice sends one of them. Compression is off:
        // pictures are compressed already, and a body that expands here could be a decompression bomb.
        let accept = HeaderValue::from_static("image/jpeg, image/png, image/webp;q=0.9, */*;q=0.1");
        let headers = HeaderMap::from_iter([(ACCEPT, accept), (ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let client = guarded_client(policy.clone(), lookup, headers)?;
        Ok(Self { client, policy, config, large: Arc::new(Semaphore::new(config.max_large)) })
    }

    /// Follows redirects and reads the final body.
    async fn follow(&self, start: &SourceUrl, deadline: Deadline) -> Result<Bytes, Fault> {
        let mut url = start.clone();
        for _ in 0..=self.config.max_redirects {
            let response = deadline.within(self.get(&url)).await?;
            match redirect_of(&url, &response)? {
                Some(next) => url = next,
                None => return self.read(response, deadline).await,
            }
        }
        let message = format!("the source redirects more than {} times", self.config.max_redirects);
        Err(Fault::fail(FailureCode::SourceUnreachable, message))
    }

    async fn get(&self, url: &SourceUrl) -> Result<Response, Fault> {
        // An IP address as host needs no DNS lookup, so the resolver does not guard it.
        let literal = literal_address(url.as_url());
        if literal.is_some_and(|address| !self.policy.allows(address)) {
            return Err(fault::forbidden());
        }
        self.client.get(url.as_url().clone()).send().await.map_err(|error| fault::of_client_error(&error))
    }

    /// Reads the body of the final response.
    async fn read(&self, mut response: Response, mut deadline: Deadline) -> Result<Bytes, Fault> {
        if !response.status().is_success() {
            return Err(fault::of_status(response.status()));
        }
        let limit = self.config.max_bytes;
        let declared = response.content_length().map_or(Ok(limit), usize::try_from);
        let Some(bound) = declared.ok().filter(|&length| length <= limit) else {
            return Err(fault::too_large(limit));
        };
        let mut room = None;
        let mut body = BodyBuffer::new(bound);
        while let Some(piece) = deadline.within(next_piece(&mut response)).await? {
            if body.len() + piece.len() > limit {
                return Err(fault::too_large(limit));
            }
            if room.is_none() && body.len() + piece.len() > LARGE_BYTES {
                let begun = Instant::now();
                room = Some(self.room().await?);
                deadline.at += begun.elapsed();
            }
            body.push(&piece);
        }
        let bytes = body.freeze();
        fault::reject_unsupported(&bytes)?;
        Ok(match room {
            Some(room) => Bytes::from_owner(LargeBody { bytes, _room: room }),
            None => bytes,
        })
    }

    /// Waits for room for a large source: long enough for those who have it to fetch theirs and to store it.
    async fn room(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let room = timeout(self.config.timeout * ROOM_WAITS, Arc::clone(&self.large).acquire_owned()).await;
        // The semaphore is never closed.
        room.ok().and_then(Result::ok).ok_or_else(|| {
            let message = "too many large sources are being fetched; try again later";
            Fault::retry(FailureCode::SourceTimeout, message)
        })
    }
}

async fn next_piece(response: &mut Response) -> Result<Option<Bytes>, Fault> {
    response.chunk().await.map_err(|error| fault::of_client_error(&error))
}

/// When a fetch has to end. A wait that the source did not cause moves it.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    fn new(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, timeout }
    }

    /// # Errors
    /// A transient fault if `work` takes longer, or its own.
    async fn within<T>(self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        timeout_at(self.at, work).await.unwrap_or_else(|_| {
            let message = format!("the source took longer than {} s", self.timeout.as_secs_f64());
            Err(Fault::retry(FailureCode::SourceTimeout, message))
        })
    }
}

#[async_trait]
impl SourceFetcher for HttpFetcher {
    async fn fetch(&self, url: &SourceUrl) -> Result<Bytes, Fault> {
        self.follow(url, Deadline::new(self.config.timeout)).await
    }
}

/// The URL that the response redirects to, if any. It must pass the same checks as a URL from a caller.
fn redirect_of(url: &SourceUrl, response: &Response) -> Result<Option<SourceUrl>, Fault> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else { return Ok(None) };
    let unusable =
        |why: &str| Fault::fail(FailureCode::SourceUnreachable, format!("the source redirects to a URL that {why}"));
    let text = str::from_utf8(location.as_bytes()).map_err(|_| unusable("cannot be read"))?;
    let next = url.as_url().join(text).map_err(|_| unusable("cannot be read"))?;
    SourceUrl::try_from(next).map(Some).map_err(|fault| unusable(&fault.to_string()))
}
