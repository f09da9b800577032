//! Entity tags: which state of a parameter set a caller has, and which one it asks for before a change is made.

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use cutline_core::domain::params::Revision;
use cutline_core::ports::Precondition;

use crate::error::ApiError;

/// The tag of every built-in set: they change with the program alone.
const BUILT_IN: &str = concat!("\"built-in-", env!("CARGO_PKG_VERSION"), "\"");

/// The most tags of one header; as many as one condition of a store can name.
const MAX_TAGS: usize = 100;

/// The tag of a stored set, as it stands in a header, quotes and all.
pub(crate) fn of(revision: &Revision) -> String {
    format!("\"{revision}\"")
}

/// The tag of any set. A built-in one has no revision.
pub(crate) fn of_any(revision: Option<&Revision>) -> String {
    revision.map_or_else(|| BUILT_IN.to_owned(), of)
}

/// What `If-Match` and `If-None-Match` ask for before a change is made.
///
/// # Errors
/// 400 for what cannot be read, and for what no single change can depend on.
pub(crate) fn precondition(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let fault = match (sent(headers, IF_MATCH)?, sent(headers, IF_NONE_MATCH)?) {
        (None, None) => return Ok(Precondition::Any),
        (Some(Tags::Any), None) => return Ok(Precondition::Present),
        (Some(Tags::These(tags)), None) => {
            // A weak tag is never taken for the same as another, and one that is none of ours is no set's.
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            return Ok(Precondition::OneOf(strong.filter_map(|tag| tag.opaque.parse().ok()).collect()));
        }
        (None, Some(Tags::Any)) => return Ok(Precondition::Absent),
        (None, Some(Tags::These(_))) => "If-None-Match may only be * here; to replace a known state, send If-Match.",
        (Some(_), Some(_)) => "Send If-Match or If-None-Match, not both.",
    };
    Err(ApiError::BadRequest(fault.to_owned()))
}

/// Whether the caller says, by `If-None-Match`, that it has what bears this tag.
///
/// # Errors
/// 400 for what cannot be read.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> Result<bool, ApiError> {
    Ok(match sent(headers, IF_NONE_MATCH)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(tags)) => tags.iter().any(|tag| etag == format!("\"{}\"", tag.opaque)),
    })
}

/// What a header with tags says.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`.
    Any,
    These(Vec<Tag>),
}

/// An entity tag.
#[derive(Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    /// What stands between the quotes.
    opaque: String,
}

/// The tags of this header, of all its lines.
fn sent(headers: &HeaderMap, name: HeaderName) -> Result<Option<Tags>, ApiError> {
    let lines: Vec<_> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    let in_words = if name == IF_MATCH { "If-Match" } else { "If-None-Match" };
    let fault = match lines.as_slice() {
        [] => return Ok(None),
        [line] if line.trim_ascii() == b"*" => return Ok(Some(Tags::Any)),
        lines => match list(&lines.join(&b',')) {
            Some(tags) if tags.len() <= MAX_TAGS => return Ok(Some(Tags::These(tags))),
            Some(_) => format!("{in_words} may have at most {MAX_TAGS} ETags."),
            None => format!("{in_words} must be * or ETags in their quotes, with commas between them."),
        },
    };
    Err(ApiError::BadRequest(fault))
}

/// Reads tags with commas between them, at least one.
fn list(text: &[u8]) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        // A list may have places with nothing in them.
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
            continue;
        }
        let (weak, quoted) = rest.strip_prefix(b"W/").map_or((false, rest), |quoted| (true, quoted));
        let opaque = quoted.strip_prefix(b"\"")?;
        let (opaque, after) = opaque.split_at(opaque.iter().position(|&byte| byte == b'"')?);
        if opaque.iter().any(|byte| byte.is_ascii_control() || *byte == b' ') {
            return None;
        }
        tags.push(Tag { weak, opaque: String::from_utf8_lossy(opaque).into_owned() });
        rest = after.strip_prefix(b"\"")?.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return None;
        }
    }
    (!tags.is_empty()).then_some(tags)
}

#[cfg(test)]
mod tests {
    use cutline_core::testing::SequentialIds;
    use cutline_core::{Ids, SystemIds};

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header's value"));
        }
        headers
    }

    fn tag(weak: bool, opaque: &str) -> Tag {
        Tag { weak, opaque: opaque.to_owned() }
    }

    #[test]
    fn tags_are_read_as_the_standard_has_them() {
        let cases: [(&str, &[Tag]); 6] = [
            (r#""a""#, &[tag(false, "a")]),
            (r#" "a" , W/"b" "#, &[tag(false, "a"), tag(true, "b")]),
            (r#""a","b",,"#, &[tag(false, "a"), tag(false, "b")]),
            (r#""a,b", "c""#, &[tag(false, "a,b"), tag(false, "c")]),
            (r#""""#, &[tag(false, "")]),
            (r#""é*\""#, &[tag(false, "é*\\")]),
        ];
        for (text, expected) in cases {
            assert_eq!(list(text.as_bytes()).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            ",",
            "a",
            r#""a"#,
            r#"a""#,
            r#""a""b""#,
            r#""a" "b""#,
            r#"w/"a""#,
            r#"W/ "a""#,
            r#"*, "a""#,
            r#""a b""#,
        ] {
            assert_eq!(list(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_precondition_is_read_from_either_header() {
        let revisions = [SystemIds.revision(), SystemIds.revision()];
        let [one, two] = revisions.map(|revision| of(&revision));
        let one_of = |revisions: &[Revision]| Precondition::OneOf(revisions.to_vec());
        let cases: [(&[(HeaderName, &str)], Precondition); 9] = [
            (&[], Precondition::Any),
            (&[(IF_MATCH, " * ")], Precondition::Present),
            (&[(IF_NONE_MATCH, "*")], Precondition::Absent),
            (&[(IF_MATCH, &one)], one_of(&revisions[..1])),
            (&[(IF_MATCH, &format!("{one}, {two}"))], one_of(&revisions)),
            (&[(IF_MATCH, &one), (IF_MATCH, &two)], one_of(&revisions)),
            (&[(IF_MATCH, &format!("W/{one}, {two}"))], one_of(&revisions[1..])),
            (&[(IF_MATCH, BUILT_IN)], one_of(&[])),
            (&[(IF_MATCH, r#""another-server's""#)], one_of(&[])),
        ];
        for (pairs, expected) in cases {
            assert_eq!(precondition(&headers(pairs)), Ok(expected), "{pairs:?}");
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_told_so() {
        let one = of(&SystemIds.revision());
        let many = vec![one.as_str(); MAX_TAGS + 1].join(",");
        let malformed = "If-Match must be * or ETags in their quotes, with commas between them.";
        let cases: [(&[(HeaderName, &str)], &str); 6] = [
            (&[(IF_MATCH, "")], malformed),
            (&[(IF_MATCH, "abc")], malformed),
            (&[(IF_MATCH, "*"), (IF_MATCH, "*")], malformed),
            (&[(IF_MATCH, &many)], "If-Match may have at most 100 ETags."),
            (&[(IF_NONE_MATCH, &one)], "If-None-Match may only be * here; to replace a known state, send If-Match."),
            (&[(IF_MATCH, &one), (IF_NONE_MATCH, "*")], "Send If-Match or If-None-Match, not both."),
        ];
        for (pairs, fault) in cases {
            assert_eq!(precondition(&headers(pairs)), Err(ApiError::BadRequest(fault.to_owned())), "{pairs:?}");
        }
    }

    #[test]
    fn a_caller_has_what_it_says_it_has() {
        let revision = SequentialIds::default().revision();
        for etag in [of(&revision), BUILT_IN.to_owned()] {
            for known in ["*", &etag, &format!("W/{etag}"), &format!(r#""a", {etag}"#)] {
                assert_eq!(is_known(&headers(&[(IF_NONE_MATCH, known)]), &etag), Ok(true), "{known}");
            }
            assert_eq!(is_known(&headers(&[(IF_NONE_MATCH, r#""a""#)]), &etag), Ok(false));
            assert_eq!(is_known(&HeaderMap::new(), &etag), Ok(false));
            assert!(is_known(&headers(&[(IF_NONE_MATCH, etag.trim_matches('"'))]), &etag).is_err());
        }
        assert_eq!(of_any(Some(&revision)), of(&revision));
        assert_eq!(of_any(None), BUILT_IN);
    }
}
