//! Fetching a source from the internet, at the word of somebody unknown.
//!
//! What is defended: the network that Cutline runs in (only public addresses are connected to, also after a
//! redirect, also when a name changes its address in between), its memory (a limit in bytes, counted), and
//! its time (one limit over connecting, redirects and body). What comes back is told by its content; neither
//! the URL nor a header is believed.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use cutline_core::domain::kind::ImageKind;
use cutline_core::ports::SourceFetcher;
use cutline_core::{FailureCode, Fault, SourceUrl};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::validate::KINDS;
use crate::{MAX_PICTURE_BYTES, size};

mod address;
mod resolve;
#[cfg(test)]
mod tests;

use address::AddressPolicy;
use resolve::{ForbiddenAddress, GuardedResolver, Lookup, system_lookup};

/// The limits of a fetch. The defaults are the documented ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchConfig {
    /// Whether addresses of this machine and of private networks may be connected to. For trials alone:
    /// with it, whoever has a key can read what this machine can.
    pub allow_private: bool,
    /// The largest source, in bytes.
    pub max_bytes: usize,
    /// The longest time from the first lookup to the last byte.
    pub timeout: Duration,
    /// The most redirects that are followed.
    pub max_redirects: usize,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self { allow_private: false, max_bytes: MAX_PICTURE_BYTES, timeout: Duration::from_secs(20), max_redirects: 3 }
    }
}

/// The fetcher cannot be made on this machine.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The system's root certificates cannot be loaded; `https` could not be trusted.
    #[error("the system's root certificates cannot be loaded (is ca-certificates installed?): {0}")]
    Tls(#[from] rustls::Error),
    /// The client refuses its settings.
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// [`SourceFetcher`] over HTTP. Made once and shared: it holds the root certificates.
#[derive(Debug, Clone)]
pub struct HttpFetcher {
    client: Client,
    policy: AddressPolicy,
    config: FetchConfig,
}

impl HttpFetcher {
    /// A fetcher with these limits, which trusts the certificates that the system does.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(config: FetchConfig) -> Result<Self, SetupError> {
        Self::with(config, AddressPolicy::of_setting(config.allow_private), system_lookup())
    }

    fn with(config: FetchConfig, policy: AddressPolicy, lookup: Lookup) -> Result<Self, SetupError> {
        // Named here and not taken from the process, where another library may have set it.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        // What is read comes first, so that a server which can choose sends it. Nothing is sent compressed:
        // pictures are, and what is small on the way and large here is a trap.
        let accept = HeaderValue::from_static("image/jpeg, image/png, image/webp;q=0.9, */*;q=0.1");
        let headers = HeaderMap::from_iter([(ACCEPT, accept), (ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(GuardedResolver { lookup, policy: policy.clone() })
            // A proxy would connect to addresses that it looks up itself, past the guard.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .user_agent(concat!("cutline/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A function is frozen between requests, and a connection kept through that is a broken one.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client, policy, config })
    }

    /// Follows redirects to the end, and reads what is there.
    async fn follow(&self, start: &SourceUrl) -> Result<Bytes, Fault> {
        let mut url = start.clone();
        for _ in 0..=self.config.max_redirects {
            let response = self.get(&url).await?;
            match redirect_of(&url, &response)? {
                Some(next) => url = next,
                None => return self.read(response).await,
            }
        }
        let message = format!("the source redirects more than {} times", self.config.max_redirects);
        Err(Fault::fail(FailureCode::SourceUnreachable, message))
    }

    async fn get(&self, url: &SourceUrl) -> Result<Response, Fault> {
        // A host that is an address is connected to without a lookup, so the guard has to be asked here.
        let literal = match url.as_url().host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            Some(url::Host::Domain(_)) | None => None,
        };
        if literal.is_some_and(|address| !self.policy.allows(address)) {
            return Err(forbidden());
        }
        self.client.get(url.as_url().clone()).send().await.map_err(|error| fault_of(&error))
    }

    /// Reads the body of a final answer.
    async fn read(&self, mut response: Response) -> Result<Bytes, Fault> {
        refuse_error(response.status())?;
        let limit = self.config.max_bytes;
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(|error| fault_of(&error))? {
            if body.len() + piece.len() > limit {
                return Err(too_large(limit));
            }
            body.extend_from_slice(&piece);
        }
        refuse_unread(&body)?;
        Ok(body.freeze())
    }
}

#[async_trait]
impl SourceFetcher for HttpFetcher {
    async fn fetch(&self, url: &SourceUrl) -> Result<Bytes, Fault> {
        match tokio::time::timeout(self.config.timeout, self.follow(url)).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("the source took longer than {} s", self.config.timeout.as_secs_f64());
                Err(Fault::retry(FailureCode::SourceTimeout, message))
            }
        }
    }
}

/// Where the answer redirects to, if it does. The new URL has to be one that a caller could have sent.
fn redirect_of(url: &SourceUrl, response: &Response) -> Result<Option<SourceUrl>, Fault> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else { return Ok(None) };
    let unusable =
        |why: &str| Fault::fail(FailureCode::SourceUnreachable, format!("the source redirects to a URL that {why}"));
    let text = str::from_utf8(location.as_bytes()).map_err(|_| unusable("cannot be read"))?;
    let next = url.as_url().join(text).map_err(|_| unusable("cannot be read"))?;
    SourceUrl::try_from(next).map(Some).map_err(|fault| unusable(&fault.to_string()))
}

/// An answer that is not the source: final if the server says that it is the request's fault, and to be
/// tried again if it says that it is busy or broken.
fn refuse_error(status: StatusCode) -> Result<(), Fault> {
    if status.is_success() {
        return Ok(());
    }
    let message = format!("the source answered with status {status}");
    let passing = matches!(status.as_u16(), 408 | 425 | 429 | 500..=599);
    let fault = if passing { Fault::retry } else { Fault::fail };
    Err(fault(FailureCode::SourceUnreachable, message))
}

fn refuse_unread(body: &[u8]) -> Result<(), Fault> {
    let why = match ImageKind::sniff(body) {
        Some(_) => return Ok(()),
        None if body.is_empty() => "the source is empty",
        None => "the source is not a picture of a known kind",
    };
    Err(Fault::fail(FailureCode::UnsupportedSource, format!("{why}; it must be {KINDS}")))
}

/// What an error of the client means for the job. Only what no further attempt can change is final: a
/// refused address, and a certificate that is not trusted. A name that is not found is tried again, since
/// it cannot be told from a resolver that does not answer.
fn fault_of(error: &reqwest::Error) -> Fault {
    tracing::info!(error = %chain(error), "a source could not be fetched");
    if causes(error).any(|cause| cause.is::<ForbiddenAddress>()) {
        return forbidden();
    }
    let untrusted = |cause: &(dyn Error + 'static)| {
        matches!(
            cause.downcast_ref(),
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
        )
    };
    if causes(error).any(untrusted) {
        let message = "the source's TLS certificate is not trusted: it has expired, is for another name, \
                       or its issuer is not known";
        return Fault::fail(FailureCode::SourceUnreachable, message);
    }
    let message = if error.is_connect() {
        "the source's server could not be found or connected to"
    } else {
        "the source's server closed the connection, or sent what is no HTTP"
    };
    Fault::retry(FailureCode::SourceUnreachable, message)
}

/// The error and what caused it, from the outside in. An [`io::Error`] that wraps another one passes over it
/// when asked for its cause, so it is asked for what it wraps.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).map(|wrapped| wrapped as _).or(error.source())
    })
}

/// For the log. The URL is left out: it can hold a signature.
fn chain(error: &reqwest::Error) -> String {
    causes(error).skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn forbidden() -> Fault {
    Fault::fail(FailureCode::SourceForbidden, "the source's address is not on the public internet")
}

fn too_large(limit: usize) -> Fault {
    Fault::fail(FailureCode::SourceTooLarge, format!("the source is larger than {}", size::in_words(limit)))
}
