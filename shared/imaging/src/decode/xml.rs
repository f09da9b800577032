//! A check of XML texts before they are parsed, for constructs that take the parser quadratic time.

use std::collections::HashSet;

/// Most comparisons of attributes in a text: the parser compares each with all before it on the same element. One element
/// may have 8,192 attributes, as raw converters write them by the hundreds into XMP.
const MAX_COMPARISONS: usize = 32 << 20;
/// Most equals signs in a document type. Its entities may hold elements, and an element may hold them many times.
const MAX_IN_DOCUMENT_TYPE: usize = 256;
/// Most namespace prefixes. The parser compares an element's own with all that it inherits, and stores the inherited
/// ones again for each element that declares one.
const MAX_NAMESPACES: usize = 64;

/// Markup other than elements, and how it ends. The parser reports a missing end.
const OTHER_MARKUP: [(&str, &str); 3] = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];

/// Why a text must not be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum XmlBomb {
    TooManyAttributes,
    TooManyNamespaces,
}

/// Checks that a text can be parsed in time proportional to its length.
pub(super) fn check(text: &str) -> Result<(), XmlBomb> {
    check_namespaces(text)?;
    let (mut rest, mut comparisons) = (text, 0_usize);
    while let Some((_, markup)) = rest.split_once('<') {
        rest = match OTHER_MARKUP.iter().find(|(begin, _)| markup.starts_with(begin)) {
            Some((_, end)) => markup.split_once(end).map_or("", |(_, after)| after),
            None => {
                let tag = scan_tag(markup);
                comparisons = comparisons.saturating_add(tag.equals_signs.saturating_mul(tag.equals_signs) / 2);
                if comparisons > MAX_COMPARISONS || tag.is_doctype && tag.equals_signs > MAX_IN_DOCUMENT_TYPE {
                    return Err(XmlBomb::TooManyAttributes);
                }
                &markup[tag.end..]
            }
        };
    }
    Ok(())
}

fn check_namespaces(text: &str) -> Result<(), XmlBomb> {
    let mut prefixes = HashSet::new();
    for (at, word) in text.match_indices("xmlns") {
        let prefix = text[at + word.len()..].split(|c: char| c == '=' || c.is_ascii_whitespace()).next();
        prefixes.insert(prefix.unwrap_or_default());
        if prefixes.len() > MAX_NAMESPACES {
            return Err(XmlBomb::TooManyNamespaces);
        }
    }
    Ok(())
}

/// An element's tag, or a document type.
struct Tag {
    /// Equals signs outside of quotes; in a document type all of them.
    equals_signs: usize,
    is_doctype: bool,
    /// Offset of the closing `>`, or the length of the text without one.
    end: usize,
}

/// Scans the markup after a `<`.
fn scan_tag(markup: &str) -> Tag {
    let is_doctype = markup.starts_with("!DOCTYPE");
    let (mut quote, mut brackets, mut equals_signs) = (None, 0_usize, 0);
    for (at, byte) in markup.bytes().enumerate() {
        match (byte, quote) {
            (b'=', None) => equals_signs += 1,
            (b'=', _) if is_doctype => equals_signs += 1,
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            (b'[', None) => brackets += 1,
            (b']', None) => brackets = brackets.saturating_sub(1),
            (b'>', None) if !is_doctype || brackets == 0 => {
                return Tag { equals_signs, is_doctype, end: at };
            }
            _ => {}
        }
    }
    Tag { equals_signs, is_doctype, end: markup.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(count: usize) -> String {
        (0..count).map(|at| format!(" a{at}='=>='")).collect()
    }

    #[test]
    fn rejects_texts_whose_attributes_take_too_many_comparisons() {
        assert_eq!(check(&format!("<a{}>={}</a>", attributes(8_192), "=".repeat(999))), Ok(()));
        assert_eq!(check(&format!("<!-- {0} --><![CDATA[<{0}]]><?x {0}?><a/>", "=".repeat(999))), Ok(()));
        assert!(check(&format!("<!-- > --><b/><a{}/>", attributes(8_193))).is_err());
        let many = |count| format!("<a{}/>", attributes(256)).repeat(count);
        assert_eq!((check(&many(1024)), check(&many(1025)).is_err()), (Ok(()), true));
        // Attributes in an entity count too, even within quotes.
        let entity = |count| format!("<!DOCTYPE a [<!ENTITY e \"<a{}/>\">]><a>&e;</a>", attributes(count));
        assert_eq!((check(&entity(80)), check(&entity(100)).is_err()), (Ok(()), true));
    }

    #[test]
    fn rejects_too_many_namespace_prefixes() {
        let named = |count| (0..count).map(|at| format!("<a xmlns:n{at} = 'x'/>")).collect::<String>();
        assert_eq!(check(&named(64)), Ok(()));
        assert!(check(&named(65)).is_err());
        assert_eq!(check(&"<g xmlns='http://www.w3.org/2000/svg'/>".repeat(999)), Ok(()));
    }
}
