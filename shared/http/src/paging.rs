//! The page of a list that a request asks for: `limit` and `cursor` in its query.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cutline_core::SetName;
use cutline_core::usecases::SetCursor;

use crate::field_errors::FieldErrors;
use crate::query::{Fault, Query};

/// The entries of a page, unless the request says otherwise.
pub(crate) const DEFAULT_LIMIT: usize = 100;

/// The most entries of a page.
pub(crate) const MAX_LIMIT: usize = 1_000;

pub(crate) const INVALID_CURSOR: &str =
    "This value is not a cursor of this list; send the cursor of the previous page, or none.";

// The kinds of cursor, as they are encoded.
const OWN: &str = "own";
const BUILT_IN: &str = "built_in";

/// The requested page of the list of parameter sets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// Where it begins; `None` for the first page.
    pub(crate) from: Option<SetCursor>,
    /// Its longest length.
    pub(crate) limit: usize,
}

impl PageRequest {
    /// Reads a query.
    ///
    /// # Errors
    /// The faults of both fields.
    pub(crate) fn read(query: &str) -> Result<Self, FieldErrors> {
        let mut query = Query::new(query);
        let limit = limit(&mut query);
        let from = query.value("cursor", parse_cursor);
        query.finish(Self { from, limit })
    }
}

/// The `limit` of a page.
pub(crate) fn limit(query: &mut Query<'_>) -> usize {
    query.value("limit", parse_limit).unwrap_or(DEFAULT_LIMIT)
}

fn parse_limit(text: &str) -> Result<usize, Fault> {
    // Unlike Rust, people do not write "+5".
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(limit) if digits && (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        Ok(_) | Err(_) => Err(format!("This value must be a whole number from 1 to {MAX_LIMIT}.").into()),
    }
}

fn parse_cursor(text: &str) -> Result<SetCursor, Fault> {
    decode(text).ok_or(INVALID_CURSOR.into())
}

/// A cursor as clients see it. It names no secret, but its content may change, so it does not look like a name.
pub(crate) fn encode(cursor: &SetCursor) -> String {
    let (kind, name) = match cursor {
        SetCursor::Own(name) => (OWN, name),
        SetCursor::BuiltIn(name) => (BUILT_IN, name),
    };
    URL_SAFE_NO_PAD.encode(format!("{kind}/{name}"))
}

fn decode(text: &str) -> Option<SetCursor> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (kind, name) = text.split_once('/')?;
    let name: SetName = name.parse().ok()?;
    match kind {
        OWN => Some(SetCursor::Own(name)),
        BUILT_IN => Some(SetCursor::BuiltIn(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_errors::SENT_TWICE;

    fn cursors() -> [SetCursor; 2] {
        let name = || "Test-Api_1".parse().expect("a name");
        [SetCursor::Own(name()), SetCursor::BuiltIn(name())]
    }

    #[test]
    fn cursors_survive_a_query_unescaped() {
        for cursor in cursors() {
            let text = encode(&cursor);
            let escaped: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            assert_eq!(escaped, text);
            let expected = PageRequest { from: Some(cursor), limit: 7 };
            assert_eq!(PageRequest::read(&format!("limit=7&cursor={text}&other=1")), Ok(expected));
        }
    }

    #[test]
    fn missing_and_empty_fields_are_the_first_page() {
        for query in ["", "limit=&cursor=", "x=1"] {
            assert_eq!(PageRequest::read(query), Ok(PageRequest { from: None, limit: DEFAULT_LIMIT }), "{query}");
        }
        assert_eq!(PageRequest::read("limit=1000").map(|page| page.limit), Ok(MAX_LIMIT));
    }

    #[test]
    fn every_fault_names_its_field() {
        let fault = |query: &str| {
            let faults = PageRequest::read(query).expect_err(query);
            serde_json::to_value(&faults).expect("serializes")
        };
        let limit = "This value must be a whole number from 1 to 1000.";
        for text in ["0", "1001", "-1", "+5", "5.0", "ten", "99999999999999999999", "%20"] {
            assert_eq!(fault(&format!("limit={text}")), serde_json::json!({ "limit": [limit] }), "{text}");
        }
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let foreign = ["own/", "own/a/b", "own/-a", "theirs/a", "own", "\u{1}"].map(encoded);
        for text in foreign.iter().map(String::as_str).chain(["a", "amazon-main", "????", "b3du"]) {
            assert_eq!(fault(&format!("cursor={text}")), serde_json::json!({ "cursor": [INVALID_CURSOR] }), "{text}");
        }
        let both = fault("limit=1&limit=1&cursor=x");
        assert_eq!(both, serde_json::json!({ "limit": [SENT_TWICE], "cursor": [INVALID_CURSOR] }));
    }
}
