//! Sizes in bytes, as people write them.

/// The units, in lower case.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Parses a size of at least one byte: a whole number, and a unit in upper or lower case.
///
/// # Errors
/// The message for an invalid size.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| factor);
    let bytes = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(*factor));
    match bytes {
        Some(bytes) if bytes > 0 => Ok(bytes),
        Some(_) | None => Err("must be a whole number of bytes above 0, such as 10000000000, 10GB or 10GiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_bytes_and_units() {
        let cases = [
            ("1", 1),
            ("10000000000", 10_000_000_000),
            ("10GB", 10_000_000_000),
            ("10 gb", 10_000_000_000),
            ("512B", 512),
            ("3kB", 3_000),
            ("250MB", 250_000_000),
            ("2TB", 2_000_000_000_000),
            ("1KiB", 1_024),
            ("1MiB", 1_048_576),
            ("10GiB", 10_737_418_240),
            ("1tib", 1_099_511_627_776),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn rejects_everything_else() {
        let bad =
            ["", "0", "0GB", "GB", "-1", "+1", "1.5GB", "10G", "10 G B", "1e9", "ten", "99999999TB", "1\u{a0}GB x"];
        for text in bad {
            assert!(parse_bytes(text).is_err_and(|error| error.contains("10GB")), "{text}");
        }
    }
}
