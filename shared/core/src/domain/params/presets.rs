//! The built-in parameter sets: for marketplaces, and for the looks that shops ask for most.
//!
//! `presets.json` holds them, read like any other set. They are read-only, but an owner's own set of the same name
//! takes precedence. A preset's promise is measured on the finished file; a miss is a warning.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{ParamSet, SetName};

static ALL: LazyLock<Vec<(SetName, ParamSet)>> = LazyLock::new(|| {
    documents()
        .into_iter()
        // A test reads every preset, so none is left out.
        .filter_map(|(name, document)| Some((name.parse().ok()?, ParamSet::read(document).ok()?)))
        .collect()
});

fn documents() -> Map<String, Value> {
    serde_json::from_str(include_str!("presets.json")).unwrap_or_default()
}

/// Every built-in set, sorted by name.
pub fn all() -> &'static [(SetName, ParamSet)] {
    &ALL
}

/// The built-in set of this name.
pub fn find(name: &str) -> Option<&'static ParamSet> {
    ALL.iter().find(|(preset, _)| preset.as_str() == name).map(|(_, set)| set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid_and_makes_one_picture_with_a_promise() {
        let documents = documents();
        assert!(!documents.is_empty());
        assert_eq!(all().len(), documents.len(), "every document is read");
        for (name, set) in all() {
            let planned = set.planned();
            assert!(planned.made.len() == 1 && planned.ignored.is_empty(), "{name}: {planned:?}");
            assert!(set.promise.is_some(), "{name}");
        }
    }

    #[test]
    fn names_are_case_sensitive_and_sorted() {
        assert!(all().is_sorted_by_key(|(name, _)| name));
        assert!(find("amazon-main").is_some() && find("Amazon-Main").is_none());
    }
}
