//! Texts of metadata, in practice of unknown encoding and with anything in them.

/// Longest text that is kept, in characters.
const MAX_CHARS: usize = 1024;

/// UTF-8 where the bytes are valid UTF-8, else Latin 1. Most standards prescribe ASCII or Latin 1; most programs write
/// UTF-8.
pub(in crate::decode) fn decode_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The text without surrounding white space, control characters and marks that change the writing direction, cut to
/// 1,024 characters. Line breaks become spaces.
pub(in crate::decode) fn clean_text(text: &str) -> String {
    let hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    let spaced = text.chars().map(|character| if matches!(character, '\n' | '\r' | '\t') { ' ' } else { character });
    let visible = spaced.filter(|character| !hidden(*character));
    let kept: String = visible.skip_while(|character| character.is_whitespace()).take(MAX_CHARS).collect();
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_and_cuts_texts() {
        assert_eq!(clean_text("  a\u{0}b\u{1B}[1m\nc\u{202E} "), "ab[1m c");
        assert_eq!(clean_text(&"ä".repeat(2000)).chars().count(), MAX_CHARS);
        assert_eq!(clean_text(" \0 "), "");
    }
}
