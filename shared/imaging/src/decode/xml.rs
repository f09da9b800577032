//! A look at an XML text before it is parsed, for what would take the parser a time that grows with its square.

use std::collections::HashSet;

/// The most attributes of one element, and the most equals signs in a document type, whose entities may hold elements.
/// The parser compares each attribute with all before it.
const MAX_ATTRIBUTES: usize = 256;
/// The most names for namespaces. The parser compares those of an element with all that it inherits, and keeps them for
/// each element that names one anew.
const MAX_NAMESPACES: usize = 64;

/// Whether a text can be parsed in a time that grows with its length; if not, why.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let mut names = HashSet::new();
    for (at, word) in text.match_indices("xmlns") {
        let name = text[at + word.len()..].split(|c: char| c == '=' || c.is_ascii_whitespace()).next();
        names.insert(name.unwrap_or_default());
        if names.len() > MAX_NAMESPACES {
            return Err("there are too many namespaces");
        }
    }
    let mut rest = text;
    while let Some((_, markup)) = rest.split_once('<') {
        // What is no element ends with its own mark. If that is missing the parser will say so.
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];
        if let Some((_, end)) = skipped.iter().find(|(begin, _)| markup.starts_with(begin)) {
            rest = markup.split_once(end).map_or("", |(_, after)| after);
            continue;
        }
        let declares = markup.starts_with("!DOCTYPE");
        let (mut quote, mut brackets, mut equals, mut end) = (None, 0_usize, 0, markup.len());
        for (at, byte) in markup.bytes().enumerate() {
            match (byte, quote) {
                (b'=', None) => equals += 1,
                (b'=', _) if declares => equals += 1,
                (b'"' | b'\'', None) => quote = Some(byte),
                (byte, Some(open)) if byte == open => quote = None,
                (b'[', None) => brackets += 1,
                (b']', None) => brackets = brackets.saturating_sub(1),
                (b'>', None) if !declares || brackets == 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        if equals > MAX_ATTRIBUTES {
            return Err("an element has too many attributes");
        }
        rest = &markup[end..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(count: usize) -> String {
        (0..count).map(|at| format!(" a{at}='=>='")).collect()
    }

    #[test]
    fn many_attributes_of_one_element_are_too_many() {
        assert_eq!(check(&format!("<a{}>={}</a>", attributes(256), "=".repeat(999))), Ok(()));
        assert_eq!(check(&format!("<!-- {0} --><![CDATA[<{0}]]><?x {0}?><a/>", "=".repeat(999))), Ok(()));
        assert!(check(&format!("<!-- > --><b/><a{}/>", attributes(257))).is_err());
        // In an entity they count as well, whatever its quotes.
        let entity = |count| format!("<!DOCTYPE a [<!ENTITY e \"<a{}/>\">]><a>&e;</a>", attributes(count));
        assert_eq!((check(&entity(80)), check(&entity(100)).is_err()), (Ok(()), true));
    }

    #[test]
    fn many_names_of_namespaces_are_too_many() {
        let named = |count| (0..count).map(|at| format!("<a xmlns:n{at} = 'x'/>")).collect::<String>();
        assert_eq!(check(&named(64)), Ok(()));
        assert!(check(&named(65)).is_err());
        assert_eq!(check(&"<g xmlns='http://www.w3.org/2000/svg'/>".repeat(999)), Ok(()));
    }
}
