//! The HTTP client that connects to public addresses only, for sources and webhooks alike.

use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Client, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::address::AddressPolicy;
use super::resolve::{GuardedResolver, Lookup};

/// Why the client cannot be set up on this machine.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The system's root certificates, which `https` needs.
    #[error("cannot load the system's root certificates: {0}; install ca-certificates")]
    Tls(#[from] rustls::Error),
    /// The HTTP client rejects its settings.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A client that sends these headers, follows no redirects, and connects only to addresses that the policy allows. An IP
/// address as host needs no DNS lookup, so nothing guards it here: check [`literal_address`] first.
pub(crate) fn guarded_client(policy: AddressPolicy, lookup: Lookup, headers: HeaderMap) -> Result<Client, SetupError> {
    Ok(Client::builder()
        .tls_backend_preconfigured(tls()?)
        .dns_resolver(GuardedResolver { lookup, policy })
        // A proxy would resolve names itself and bypass the guard.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .user_agent(concat!("cutline/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        // Lambda freezes the process between requests, which breaks idle connections.
        .pool_max_idle_per_host(0)
        .build()?)
}

/// TLS that trusts the system's root certificates.
pub(crate) fn tls() -> Result<ClientConfig, rustls::Error> {
    // Named explicitly: another library may have set the process-wide default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_platform_verifier()?.with_no_client_auth())
}

/// The address of a URL whose host is one.
pub(crate) fn literal_address(url: &url::Url) -> Option<std::net::IpAddr> {
    match url.host() {
        Some(url::Host::Ipv4(address)) => Some(address.into()),
        Some(url::Host::Ipv6(address)) => Some(address.into()),
        Some(url::Host::Domain(_)) | None => None,
    }
}
