//! Sizes in words, for messages.

/// `50 MB`, `256 KB` or `1234 bytes`: the largest decimal unit that says it exactly.
pub(crate) fn in_words(bytes: usize) -> String {
    match bytes {
        _ if bytes >= 1_000_000 && bytes.is_multiple_of(1_000_000) => format!("{} MB", bytes / 1_000_000),
        _ if bytes >= 1_000 && bytes.is_multiple_of(1_000) => format!("{} KB", bytes / 1_000),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_said_exactly() {
        let cases =
            [(0, "0 bytes"), (999, "999 bytes"), (256_000, "256 KB"), (50_000_000, "50 MB"), (1_001, "1001 bytes")];
        for (bytes, words) in cases {
            assert_eq!(in_words(bytes), words);
        }
    }
}
