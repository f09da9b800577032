//! Settings that steer the cut: the fields of an upload, with the same rules.

use std::fs;
use std::path::Path;

use anyhow::Context;
use cutline_core::domain::json::Document;
use cutline_core::domain::limits::MAX_HINTS;
use cutline_core::domain::subject::{Hints, InvalidSubject, Keep};
use serde_json::Value;

pub(crate) const KEEP_HELP: &str = "The objects to keep: `all`, the `main` one, or those at points of the upright photo, \
                                    such as '[[640, 480], [\"25%\", \"60%\"]]'. [default: the parameter set's, otherwise all]";

pub(crate) fn hints_help() -> String {
    format!(
        "Clicks and strokes that add or remove a region: a JSON file with a list of at most {MAX_HINTS}, such as \
         [{{\"kind\": \"remove\", \"points\": [[812, 140]], \"radius\": 60}}]"
    )
}

/// Reads the objects to keep.
pub(crate) fn keep(text: &str) -> Result<Keep, String> {
    let value = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).map_err(|_| "the list of points is not valid JSON".to_owned())?,
        false => Value::String(text.to_owned()),
    };
    let keep = Keep::read(&value).map_err(|invalid| invalid.to_string())?;
    keep.ok_or_else(|| "the list of points is empty; leave the option out".to_owned())
}

/// Reads a file of hints. An empty list is the same as none.
///
/// # Errors
/// If it is missing or invalid.
pub(crate) fn read_hints(path: &Path) -> anyhow::Result<Option<Hints>> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Document { value, repeated } =
        Document::parse(&text).with_context(|| format!("invalid hints: {} is not valid JSON", path.display()))?;
    if let Some(path_within) = repeated.first() {
        anyhow::bail!("invalid hints: {}: {path_within} is there more than once; keep one", path.display());
    }
    Hints::read(&value).map_err(|InvalidSubject(faults)| {
        let faults: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        anyhow::anyhow!("invalid hints: {}{}", path.display(), faults.concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_by_name_or_by_points() {
        assert_eq!((keep("all"), keep("main")), (Ok(Keep::ALL), Ok(Keep::MAIN)));
        assert!(matches!(keep(r#"[[1, 2], ["5%", "6%"]]"#), Ok(Keep::Points(points)) if points.len() == 2));
        for (bad, part) in
            [("some", "must be all, main"), ("[]", "is empty"), ("[1", "not valid JSON"), ("[[1]]", "[0]:")]
        {
            let error = keep(bad).expect_err("is invalid");
            assert!(error.contains(part), "{bad}: {error}");
        }
    }

    #[test]
    fn hints_come_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("hints.json");
        fs::write(&file, r#"[{"kind": "keep", "points": [[1, 2]]}]"#).expect("is written");
        assert_eq!(read_hints(&file).expect("valid").map(|hints| hints.as_slice().len()), Some(1));
        for (bad, part) in [
            ("[{", "not valid JSON"),
            (r#"[{"kind": "add", "points": [[1, 2]]}]"#, "\n  [0].kind: This value must be keep or remove."),
            (r#"[{"kind": "keep", "kind": "keep", "points": [[1, 2]]}]"#, "more than once"),
        ] {
            fs::write(&file, bad).expect("is written");
            let error = format!("{:#}", read_hints(&file).expect_err("is invalid"));
            assert!(error.contains(part), "{error}");
        }
        assert!(read_hints(&folder.path().join("missing.json")).is_err());
    }
}
