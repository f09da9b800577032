//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the caller's name for a request.

use axum::http::{HeaderMap, HeaderName};
use cutline_core::domain::idempotency::IdempotencyKey;
use cutline_core::domain::limits::MAX_IDEMPOTENCY_KEY_CHARS;

use crate::field_errors::{FieldErrors, SENT_TWICE};

/// The header, and the field under which its errors are reported.
pub(crate) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

pub(crate) const IDEMPOTENCY_KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Marks an answer that was given before.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The key of a request, if it has one. A key in quotes, as the draft writes it, is the same key as without.
///
/// # Errors
/// The header occurs twice, or is no key.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, FieldErrors> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(fault(SENT_TWICE));
    }
    let key = value.to_str().ok().and_then(unquoted).and_then(|text| text.parse().ok());
    match key {
        Some(key) => Ok(Some(key)),
        None => Err(fault(format!(
            "This value must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters, with or without quotes."
        ))),
    }
}

/// The fault of a key that its owner used for another request.
pub(crate) fn reused() -> FieldErrors {
    fault("This key was used for another request; send a new key with a new request.")
}

fn fault(message: impl Into<String>) -> FieldErrors {
    let mut faults = FieldErrors::default();
    faults.add(IDEMPOTENCY_KEY, message);
    faults
}

/// The text without its quotes, and without the backslashes before quotes and backslashes in it. `None` if the quotes do
/// not match.
fn unquoted(text: &str) -> Option<String> {
    let text = text.trim();
    let Some(rest) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let (mut plain, mut characters) = (String::new(), rest.chars());
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(plain),
            '\\' => plain.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            character => plain.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, FieldErrors> {
        let value = |bytes: &&[u8]| (IDEMPOTENCY_KEY_HEADER, HeaderValue::from_bytes(bytes).expect("a header value"));
        let key = key(&values.iter().map(value).collect())?;
        Ok(key.map(|key| key.to_string()))
    }

    #[test]
    fn quotes_do_not_matter() {
        assert_eq!(read(&[]), Ok(None));
        let longest = "x".repeat(255);
        let cases: [(&str, &str); 7] = [
            ("abc", "abc"),
            ("\"abc\"", "abc"),
            ("  abc ", "abc"),
            ("\"a\\\"b\\\\\"", "a\"b\\"),
            ("a\"b\\", "a\"b\\"),
            (&longest, &longest),
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ];
        for (sent, key) in cases {
            assert_eq!(read(&[sent.as_bytes()]), Ok(Some(key.to_owned())), "{sent}");
        }
    }

    #[test]
    fn refuses_what_is_no_key() {
        let long = "x".repeat(256);
        let message = "This value must be 1 to 255 visible ASCII characters, with or without quotes.";
        let bad: [&[u8]; 11] = [
            b"",
            b"\"\"",
            b"\"",
            b"\"abc",
            b"\"abc\";a=1",
            b"\"a\\b\"",
            b"a b",
            b"a\tb",
            b"\xc3\xa9",
            b"\"a b\"",
            long.as_bytes(),
        ];
        for bytes in bad {
            assert_eq!(read(&[bytes]), Err(fault(message)), "{bytes:?}");
        }
        assert_eq!(read(&[b"abc", b"abc"]), Err(fault(SENT_TWICE)));
    }
}
