//! Entity tags: the state of a parameter set that a caller holds, or that it requires before a change.

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use cutline_core::domain::params::Revision;
use cutline_core::ports::Precondition;

use crate::error::ApiError;

/// The tag of every built-in set: these sets change only with the program.
const BUILT_IN: &str = concat!("\"built-in-", env!("CARGO_PKG_VERSION"), "\"");

/// The most tags in one header: as many as one condition of a store can name.
const MAX_TAGS: usize = 100;

/// The tag of a stored set, as in a header, with its quotes.
pub(crate) fn of_revision(revision: &Revision) -> String {
    format!("\"{revision}\"")
}

/// The tag of a stored or built-in set. A built-in set has no revision.
pub(crate) fn of_set(revision: Option<&Revision>) -> String {
    revision.map_or_else(|| BUILT_IN.to_owned(), of_revision)
}

/// The condition that `If-Match` and `If-None-Match` place on a change.
///
/// # Errors
/// 400 for malformed headers, and for conditions that no single change can depend on.
pub(crate) fn precondition(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let fault = match (read_header(headers, IF_MATCH)?, read_header(headers, IF_NONE_MATCH)?) {
        (None, None) => return Ok(Precondition::Any),
        (Some(TagCondition::Any), None) => return Ok(Precondition::Present),
        (Some(TagCondition::OneOf(tags)), None) => {
            // A weak tag never matches, and a tag that is not a revision matches no stored set.
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            return Ok(Precondition::OneOf(strong.filter_map(|tag| tag.opaque.parse().ok()).collect()));
        }
        (None, Some(TagCondition::Any)) => return Ok(Precondition::Absent),
        (None, Some(TagCondition::OneOf(_))) => {
            "If-None-Match may only be * here; to replace a known state, send If-Match."
        }
        (Some(_), Some(_)) => "Send If-Match or If-None-Match, not both.",
    };
    Err(ApiError::BadRequest(fault.to_owned()))
}

/// Whether `If-Match` names the state of the built-in sets.
///
/// # Errors
/// 400 for a malformed header.
pub(crate) fn requires_built_in(headers: &HeaderMap) -> Result<bool, ApiError> {
    let is_built_in = |tag: &EntityTag| !tag.weak && BUILT_IN.trim_matches('"') == tag.opaque;
    Ok(match read_header(headers, IF_MATCH)? {
        Some(TagCondition::OneOf(tags)) => tags.iter().any(is_built_in),
        Some(TagCondition::Any) | None => false,
    })
}

/// Whether `If-None-Match` says that the caller already holds the state with this tag.
///
/// # Errors
/// 400 for a malformed header.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> Result<bool, ApiError> {
    Ok(match read_header(headers, IF_NONE_MATCH)? {
        None => false,
        Some(TagCondition::Any) => true,
        Some(TagCondition::OneOf(tags)) => tags.iter().any(|tag| etag == format!("\"{}\"", tag.opaque)),
    })
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, PartialEq, Eq)]
enum TagCondition {
    /// `*`.
    Any,
    OneOf(Vec<EntityTag>),
}

#[derive(Debug, PartialEq, Eq)]
struct EntityTag {
    weak: bool,
    /// The text between the quotes.
    opaque: String,
}

/// Parses this header; several lines make one list.
fn read_header(headers: &HeaderMap, name: HeaderName) -> Result<Option<TagCondition>, ApiError> {
    let lines: Vec<_> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    let display_name = if name == IF_MATCH { "If-Match" } else { "If-None-Match" };
    let fault = match lines.as_slice() {
        [] => return Ok(None),
        [line] if line.trim_ascii() == b"*" => return Ok(Some(TagCondition::Any)),
        lines => match parse_list(&lines.join(&b',')) {
            Some(tags) if tags.len() <= MAX_TAGS => return Ok(Some(TagCondition::OneOf(tags))),
            Some(_) => format!("{display_name} may have at most {MAX_TAGS} ETags."),
            None => format!("{display_name} must be * or a comma-separated list of quoted ETags."),
        },
    };
    Err(ApiError::BadRequest(fault))
}

/// Parses at least one tag, with commas between them (RFC 9110, section 8.8.3).
fn parse_list(text: &[u8]) -> Option<Vec<EntityTag>> {
    let mut tags = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        // A list may have empty elements.
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
        tags.push(EntityTag { weak, opaque: String::from_utf8_lossy(opaque).into_owned() });
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
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        headers
    }

    fn tag(weak: bool, opaque: &str) -> EntityTag {
        EntityTag { weak, opaque: opaque.to_owned() }
    }

    #[test]
    fn parses_tags_as_rfc_9110_defines_them() {
        let cases: [(&str, &[EntityTag]); 6] = [
            (r#""a""#, &[tag(false, "a")]),
            (r#" "a" , W/"b" "#, &[tag(false, "a"), tag(true, "b")]),
            (r#""a","b",,"#, &[tag(false, "a"), tag(false, "b")]),
            (r#""a,b", "c""#, &[tag(false, "a,b"), tag(false, "c")]),
            (r#""""#, &[tag(false, "")]),
            (r#""é*\""#, &[tag(false, "é*\\")]),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_list(text.as_bytes()).as_deref(), Some(expected), "{text}");
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
            assert_eq!(parse_list(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn reads_a_precondition_from_either_header() {
        let revisions = [SystemIds.revision(), SystemIds.revision()];
        let [one, two] = revisions.map(|revision| of_revision(&revision));
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
    fn rejects_malformed_and_contradictory_preconditions() {
        let one = of_revision(&SystemIds.revision());
        let many = vec![one.as_str(); MAX_TAGS + 1].join(",");
        let malformed = "If-Match must be * or a comma-separated list of quoted ETags.";
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
    fn recognizes_the_state_that_the_caller_holds() {
        let revision = SequentialIds::default().revision();
        for etag in [of_revision(&revision), BUILT_IN.to_owned()] {
            for known in ["*", &etag, &format!("W/{etag}"), &format!(r#""a", {etag}"#)] {
                assert_eq!(is_known(&headers(&[(IF_NONE_MATCH, known)]), &etag), Ok(true), "{known}");
            }
            assert_eq!(is_known(&headers(&[(IF_NONE_MATCH, r#""a""#)]), &etag), Ok(false));
            assert_eq!(is_known(&HeaderMap::new(), &etag), Ok(false));
            assert!(is_known(&headers(&[(IF_NONE_MATCH, etag.trim_matches('"'))]), &etag).is_err());
        }
        assert_eq!(of_set(Some(&revision)), of_revision(&revision));
        assert_eq!(of_set(None), BUILT_IN);
    }
}
