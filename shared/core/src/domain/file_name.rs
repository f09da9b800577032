//! The names under which people save files. They are safe on every file system, whatever the caller's text was.

use std::fmt;

use super::percent::percent_encode;

/// The longest name in bytes. File systems allow 255; this leaves room for what programs append.
pub const MAX_FILE_NAME_BYTES: usize = 200;

/// Characters that some file system or shell refuses in a name.
const UNSAFE: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Names that Windows reserves for devices, with any extension.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A file's name: no part of a path, not hidden, not reserved, at most [`MAX_FILE_NAME_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// The name `<stem><suffix>.<extension>` in at most `max_bytes` bytes: a long stem is cut, and unsafe characters of it
    /// become `_`. Suffix and extension are our own. An empty stem becomes `_`.
    pub(super) fn new(stem: &str, suffix: &str, extension: &str, max_bytes: usize) -> Self {
        let own = suffix.len() + ".".len() + extension.len();
        let stem = safe_stem(stem, max_bytes.min(MAX_FILE_NAME_BYTES).saturating_sub(own));
        Self(format!("{stem}{suffix}.{extension}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as file systems compare it that ignore case.
    pub(super) fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a character has no place in a file's name: path separators, control characters, and characters that cannot be
/// seen or change the direction of the text around them.
pub(super) fn is_unsafe(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || is_invisible || UNSAFE.contains(&c)
}

/// Whether Windows opens a device under this name.
pub(super) fn is_reserved(name: &str) -> bool {
    let base = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let is_port = |prefix: &str| {
        let number = base.strip_prefix(prefix).and_then(|rest| {
            let mut characters = rest.chars();
            characters.next().filter(|_| characters.next().is_none())
        });
        number.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
    };
    RESERVED.contains(&base.as_str()) || is_port("com") || is_port("lpt")
}

/// The text as the stem of a file's name, in at most `max_bytes` bytes.
pub(super) fn safe_stem(text: &str, max_bytes: usize) -> String {
    let safe: String = text.chars().map(|c| if is_unsafe(c) { '_' } else { c }).collect();
    let safe = safe.trim_start_matches(['.', ' ']);
    let safe = safe[..safe.floor_char_boundary(max_bytes)].trim_end_matches(['.', ' ']);
    match safe {
        "" => "_".to_owned(),
        safe if is_reserved(safe) => format!("_{safe}"),
        safe => safe.to_owned(),
    }
}

/// The header `Content-Disposition` for a file that a browser shows, and saves under this name (RFC 6266): an ASCII form
/// for old clients, and the name itself where it differs.
pub fn content_disposition(file_name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let ascii: String = file_name.chars().map(plain).collect();
    match ascii == file_name {
        true => format!("inline; filename=\"{ascii}\""),
        false => format!("inline; filename=\"{ascii}\"; filename*=UTF-8''{}", percent_encode(file_name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_becomes_a_safe_name(stem in any::<String>(), max in 20_usize..300) {
            let FileName(name) = FileName::new(&stem, "_clipping", "png", max);
            prop_assert!(name.len() <= max.min(MAX_FILE_NAME_BYTES) && name.ends_with("_clipping.png"), "{:?}", name);
            prop_assert!(!name.chars().any(is_unsafe) && !name.starts_with(['.', ' ']), "{:?}", name);
            let header = content_disposition(&name);
            prop_assert!(header.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{}", header);
        }
    }

    #[test]
    fn unsafe_characters_become_underscores() {
        let cases = [
            ("red cup", "red cup"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\\b:c*d?e\"f<g>h|i", "a_b_c_d_e_f_g_h_i"),
            (" .hidden. ", "hidden"),
            ("a\n\u{202e}gnp", "a__gnp"),
            ("größe 42", "größe 42"),
            ("", "_"),
            (".. ..", "_"),
            ("con", "_con"),
            ("LPT1.backup", "_LPT1.backup"),
            ("COM²", "_COM²"),
            ("console", "console"),
            ("com10", "com10"),
        ];
        for (text, safe) in cases {
            assert_eq!(safe_stem(text, 100), safe, "{text:?}");
        }
        assert_eq!(safe_stem("éé", 3), "é", "cut between characters");
        assert_eq!(safe_stem("a. b", 3), "a", "and trimmed after it");
    }

    #[test]
    fn a_header_has_the_name_in_ascii_and_as_it_is() {
        assert_eq!(content_disposition("background.png"), "inline; filename=\"background.png\"");
        let expected = "inline; filename=\"gr__e_42.png\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%2042.png";
        assert_eq!(content_disposition("größe 42.png"), expected);
        let hostile = content_disposition("cup \"a\"\r\nX: é.png");
        assert_eq!(
            hostile,
            "inline; filename=\"cup__a___X___.png\"; filename*=UTF-8''cup%20%22a%22%0D%0AX%3A%20%C3%A9.png"
        );
    }
}
