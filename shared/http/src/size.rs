//! Sizes in bytes, formatted for messages.

/// `50 MB`, `256 KB` or `1234 bytes`: the largest decimal unit that is exact.
pub(crate) fn format_bytes(bytes: usize) -> String {
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
    fn formats_sizes_exactly() {
        let cases =
            [(0, "0 bytes"), (999, "999 bytes"), (256_000, "256 KB"), (50_000_000, "50 MB"), (1_001, "1001 bytes")];
        for (bytes, text) in cases {
            assert_eq!(format_bytes(bytes), text);
        }
    }
}
