//! Who is asking. A request names its key in `X-API-Key`, or else as `Authorization: Bearer`.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use cutline_core::OwnerId;
use cutline_core::domain::keys::Secret;
use cutline_core::ports::Keys;

use crate::error::ApiError;

/// The preferred header. Where it is there and not empty, the other is not looked at.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Whose key the request carries.
///
/// # Errors
/// 401 where there is none, or it is unknown or revoked; 503 where the store does not answer.
pub(crate) async fn owner(keys: &dyn Keys, headers: &HeaderMap) -> Result<OwnerId, ApiError> {
    let secret = match sent_key(headers) {
        SentKey::Missing => return Err(ApiError::KeyMissing),
        SentKey::Unreadable => return Err(ApiError::KeyInvalid),
        SentKey::Key(text) => Secret::from_caller(text),
    };
    match keys.find(&secret.hash()).await? {
        Some(key) if key.revoked_at.is_none() => Ok(key.owner),
        Some(_) | None => Err(ApiError::KeyInvalid),
    }
}

/// What the headers say.
#[derive(Debug, PartialEq, Eq)]
enum SentKey<'a> {
    Missing,
    /// Something that no key can be, being no visible ASCII.
    Unreadable,
    Key(&'a str),
}

fn sent_key(headers: &HeaderMap) -> SentKey<'_> {
    match key_of(headers.get(X_API_KEY), Some) {
        SentKey::Missing => key_of(headers.get(AUTHORIZATION), bearer),
        found => found,
    }
}

fn key_of<'a>(header: Option<&'a HeaderValue>, read: fn(&'a str) -> Option<&'a str>) -> SentKey<'a> {
    let Some(value) = header else { return SentKey::Missing };
    let Ok(text) = value.to_str() else { return SentKey::Unreadable };
    match read(text).map(str::trim) {
        None | Some("") => SentKey::Missing,
        Some(key) => SentKey::Key(key),
    }
}

/// What follows the scheme, whose name is the same in any case. Another scheme carries no key of ours.
fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(HeaderName, &'a [u8])];

    fn headers(pairs: Pairs<'_>) -> HeaderMap {
        let value = |bytes| HeaderValue::from_bytes(bytes).expect("a header's value");
        pairs.iter().map(|(name, bytes)| (name.clone(), value(bytes))).collect()
    }

    #[test]
    fn the_key_is_taken_from_the_preferred_header_first() {
        let cases: [(Pairs<'_>, SentKey<'_>); 11] = [
            (&[], SentKey::Missing),
            (&[(X_API_KEY, b"k")], SentKey::Key("k")),
            (&[(X_API_KEY, b" k ")], SentKey::Key("k")),
            (&[(AUTHORIZATION, b"Bearer k")], SentKey::Key("k")),
            (&[(AUTHORIZATION, b"bearer  k")], SentKey::Key("k")),
            (&[(X_API_KEY, b"a"), (AUTHORIZATION, b"Bearer b")], SentKey::Key("a")),
            (&[(X_API_KEY, b""), (AUTHORIZATION, b"Bearer b")], SentKey::Key("b")),
            (&[(AUTHORIZATION, b"Basic azpr")], SentKey::Missing),
            (&[(AUTHORIZATION, b"Bearer ")], SentKey::Missing),
            (&[(AUTHORIZATION, b"Bearer")], SentKey::Missing),
            (&[(X_API_KEY, b"\xff"), (AUTHORIZATION, b"Bearer b")], SentKey::Unreadable),
        ];
        for (pairs, expected) in cases {
            let headers = headers(pairs);
            assert_eq!(sent_key(&headers), expected, "{headers:?}");
        }
    }
}
