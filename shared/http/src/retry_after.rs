//! The header `Retry-After` of other servers.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reqwest::header::HeaderValue;

/// The wait that it asks for: seconds, or the time until an HTTP date.
pub(crate) fn wait_of(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    SystemTime::from(date).duration_since(SystemTime::from(now)).ok()
}
