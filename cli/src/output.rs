//! Results on standard output.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context;

/// Prints a result. It is no error if the reader ends early, as `head` does.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// JSON without raw control characters, which could rewrite the terminal. Line feeds stay: in JSON they only occur
/// between members.
pub(crate) fn without_controls(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // What `escape_debug` would escape: also separators of lines, and marks that change the direction of text.
        let is_printable = c.is_ascii_graphic() || c == ' ' || c == '\n' || c.escape_debug().len() == 1;
        if !is_printable {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn json_holds_no_control_characters() {
        let value = json!({ "a": "\u{1b}[2J\u{9b}2J\u{7f} ü\n\u{202e}\u{2028}\u{1f600}" });
        let text = without_controls(&serde_json::to_string_pretty(&value).expect("serializes"));
        assert!(text.chars().all(|c| !c.is_control() || c == '\n'), "{text:?}");
        assert!(text.contains("ü") && !text.contains(['\u{202e}', '\u{2028}']), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }
}
