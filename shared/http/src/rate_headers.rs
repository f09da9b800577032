//! The headers of a rate limit (draft-ietf-httpapi-ratelimit-headers): `RateLimit-Policy` and `RateLimit`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use cutline_core::usecases::RateUsage;

pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds both headers: the limit, what is left of it, and the seconds until it starts again.
pub(crate) fn insert(headers: &mut HeaderMap, usage: &RateUsage) {
    let (limit, window) = (usage.limit, RateUsage::WINDOW.as_secs());
    let (remaining, reset) = (usage.remaining(), reset_seconds(usage));
    let fields = [
        (RATELIMIT_POLICY, format!(r#""minute";q={limit};w={window}"#)),
        (RATELIMIT, format!(r#""minute";r={remaining};t={reset}"#)),
    ];
    for (name, text) in fields {
        // Digits and ASCII punctuation are always a valid value.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// The whole seconds after which the next window has begun.
pub(crate) fn reset_seconds(usage: &RateUsage) -> u64 {
    usage.resets_in.as_secs() + u64::from(usage.resets_in > Duration::from_secs(usage.resets_in.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_waits_as_told_meets_the_next_window() {
        for (millis, seconds) in [(60_000, 60), (59_999, 60), (17_001, 18), (17_000, 17), (1, 1)] {
            let usage = RateUsage { limit: 60, requests: 61, resets_in: Duration::from_millis(millis) };
            assert_eq!(reset_seconds(&usage), seconds, "{millis}");
        }
    }

    #[test]
    fn writes_structured_fields() {
        let mut headers = HeaderMap::new();
        insert(&mut headers, &RateUsage { limit: 60, requests: 43, resets_in: Duration::from_secs(17) });
        assert_eq!(headers[RATELIMIT_POLICY], r#""minute";q=60;w=60"#);
        assert_eq!(headers[RATELIMIT], r#""minute";r=17;t=17"#);
    }
}
