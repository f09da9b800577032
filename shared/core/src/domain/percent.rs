//! Percent-encoding of single texts, such as a file's name in a header or in a link.

use std::fmt::Write as _;

/// The text with every byte but letters, digits, `-`, `_`, `.` and `~` as `%XX`.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The text behind percent-encoding. Anything that is not a code stays as it is; `None` if the result is not UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        match code {
            Some(byte) => {
                decoded.extend(byte);
                rest = &after[2..];
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_survives(text in ".*") {
            let encoded = percent_encode(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)));
            prop_assert_eq!(percent_decode(&encoded), Some(text));
        }
    }

    #[test]
    fn decodes_what_others_encoded() {
        for (text, decoded) in [("caf%c3%a9", "café"), ("100%", "100%"), ("%4", "%4"), ("%zz", "%zz"), ("a+b", "a+b")]
        {
            assert_eq!(percent_decode(text).as_deref(), Some(decoded), "{text}");
        }
        assert_eq!(percent_decode("%ff"), None);
    }
}
