//! Authentication by API key: `X-API-Key`, or else `Authorization: Bearer`.

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use cutline_core::OwnerId;
use cutline_core::domain::keys::{KeyRecord, KeyScope, Secret};
use cutline_core::ports::Keys;
use tracing::Span;

use crate::accepted;
use crate::error::ApiError;

/// The preferred header. If it is present and not empty, the other is ignored.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The owner of the request's key, which may be of any scope. If the request's server wants to know, it learns that the
/// key was accepted.
///
/// # Errors
/// 401 if the key is missing, unknown or revoked; 503 if the store does not respond.
pub(crate) async fn owner(keys: &dyn Keys, head: &Parts) -> Result<OwnerId, ApiError> {
    Ok(key(keys, head).await?.owner)
}

/// The key of a request that only some scopes may send.
///
/// # Errors
/// As [`owner`]; also 403 if the key's scope may not.
pub(crate) async fn key_that(keys: &dyn Keys, head: &Parts, may: fn(KeyScope) -> bool) -> Result<KeyRecord, ApiError> {
    let key = key(keys, head).await?;
    if may(key.scope) { Ok(key) } else { Err(ApiError::ScopeTooNarrow(key.scope.as_str())) }
}

/// The request's key.
async fn key(keys: &dyn Keys, head: &Parts) -> Result<KeyRecord, ApiError> {
    let secret = match credential(&head.headers) {
        Credential::Missing => return Err(ApiError::KeyMissing),
        Credential::Unreadable => return Err(ApiError::KeyInvalid),
        Credential::Key(text) => Secret::from_caller(text),
    };
    match keys.find(&secret.hash()).await? {
        Some(key) if key.revoked_at.is_none() => {
            accepted::give(&head.extensions);
            let span = Span::current();
            span.record("owner", key.owner.as_str());
            // Before a key is revoked, the log tells whether it is still in use.
            span.record("key", key.hash.id().as_str());
            Ok(key)
        }
        Some(_) | None => Err(ApiError::KeyInvalid),
    }
}

/// The key in a request's headers.
#[derive(Debug, PartialEq, Eq)]
enum Credential<'a> {
    Missing,
    /// Not visible ASCII, so not a key.
    Unreadable,
    Key(&'a str),
}

fn credential(headers: &HeaderMap) -> Credential<'_> {
    match read_key(headers.get(X_API_KEY), Some) {
        Credential::Missing => read_key(headers.get(AUTHORIZATION), bearer),
        other => other,
    }
}

fn read_key<'a>(header: Option<&'a HeaderValue>, extract: fn(&'a str) -> Option<&'a str>) -> Credential<'a> {
    let Some(value) = header else { return Credential::Missing };
    let Ok(text) = value.to_str() else { return Credential::Unreadable };
    match extract(text).map(str::trim) {
        None | Some("") => Credential::Missing,
        Some(key) => Credential::Key(key),
    }
}

/// The token after the scheme, whose name is case-insensitive. Other schemes carry no API key.
fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(HeaderName, &'a [u8])];

    fn headers(pairs: Pairs<'_>) -> HeaderMap {
        let value = |bytes| HeaderValue::from_bytes(bytes).expect("a header value");
        pairs.iter().map(|(name, bytes)| (name.clone(), value(bytes))).collect()
    }

    #[test]
    fn prefers_x_api_key_over_authorization() {
        let cases: [(Pairs<'_>, Credential<'_>); 11] = [
            (&[], Credential::Missing),
            (&[(X_API_KEY, b"k")], Credential::Key("k")),
            (&[(X_API_KEY, b" k ")], Credential::Key("k")),
            (&[(AUTHORIZATION, b"Bearer k")], Credential::Key("k")),
            (&[(AUTHORIZATION, b"bearer  k")], Credential::Key("k")),
            (&[(X_API_KEY, b"a"), (AUTHORIZATION, b"Bearer b")], Credential::Key("a")),
            (&[(X_API_KEY, b""), (AUTHORIZATION, b"Bearer b")], Credential::Key("b")),
            (&[(AUTHORIZATION, b"Basic azpr")], Credential::Missing),
            (&[(AUTHORIZATION, b"Bearer ")], Credential::Missing),
            (&[(AUTHORIZATION, b"Bearer")], Credential::Missing),
            (&[(X_API_KEY, b"\xff"), (AUTHORIZATION, b"Bearer b")], Credential::Unreadable),
        ];
        for (pairs, expected) in cases {
            let headers = headers(pairs);
            assert_eq!(credential(&headers), expected, "{headers:?}");
        }
    }
}
