//! `Prefer: wait=N` (RFC 7240): the caller would rather wait for the job's end than ask again.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

use crate::field_errors::FieldErrors;
use crate::waiting::Waiting;

pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The longest wait that a caller may ask for.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(20);

/// How long the caller wants to wait, if it does. Of several such preferences the first counts; others are not for us.
///
/// # Errors
/// The wait is not a whole number of seconds, or too long.
fn wait(headers: &HeaderMap) -> Result<Option<Duration>, FieldErrors> {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let wait = preferences.filter_map(|preference| {
        // Parameters may follow after a semicolon.
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
    });
    let Some(seconds) = wait.into_iter().next() else { return Ok(None) };
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
    match seconds.parse().map(Duration::from_secs) {
        Ok(wait) if digits && wait <= MAX_WAIT => Ok(Some(wait)),
        Ok(_) | Err(_) => {
            let mut faults = FieldErrors::default();
            faults.add("Prefer", format!("This value must be wait=0 to wait={}, in seconds.", MAX_WAIT.as_secs()));
            Err(faults)
        }
    }
}

/// How a request waits, and for how long, if its caller wants to and may.
///
/// # Errors
/// As [`wait`].
pub(crate) fn granted<'a>(
    headers: &HeaderMap,
    waiting: Option<&'a Waiting>,
) -> Result<Option<(&'a Waiting, Duration)>, FieldErrors> {
    let preferred = wait(headers)?.unwrap_or_default();
    let granted = waiting.map(|waiting| (waiting, waiting.granted(preferred)));
    Ok(granted.filter(|(_, wait)| !wait.is_zero()))
}

/// The response with the note that the wait led to it.
pub(crate) fn applied(mut response: Response) -> Response {
    response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static("wait"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Result<Option<u64>, ()> {
        let headers = values.iter().map(|value| (PREFER, HeaderValue::from_static(value))).collect();
        wait(&headers).map(|wait| wait.map(|wait| wait.as_secs())).map_err(|_| ())
    }

    #[test]
    fn finds_the_wait_among_other_preferences() {
        for (values, expected) in [
            (&[][..], None),
            (&["respond-async"], None),
            (&["waits=5"], None),
            (&["wait=0"], Some(0)),
            (&["wait=20"], Some(20)),
            (&["Wait = \"7\""], Some(7)),
            (&["respond-async, wait=10;foo=1, wait=3"], Some(10)),
            (&["return=minimal", "wait=4"], Some(4)),
        ] {
            assert_eq!(read(values), Ok(expected), "{values:?}");
        }
        for wrong in ["wait=21", "wait=99999", "wait=-1", "wait=1.5", "wait=", "wait=+5", "wait=soon"] {
            assert_eq!(read(&[wrong]), Err(()), "{wrong}");
        }
    }
}
