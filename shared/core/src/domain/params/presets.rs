//! The parameter sets that come built in: for marketplaces, and for the looks that shops ask for most. They are read
//! like any other, and cannot be changed.
//!
//! | name | size in pixels | background | fill | variation | file |
//! |---|---|---|---|---|---|
//! | `amazon-main` | 2000 x 2000 | exactly 255,255,255 | at least 85 % | compose | JPEG, at most 10 MB |
//! | `google-merchant` | 1500 x 1500 | exactly 255,255,255 | 75 to 90 % | compose | JPEG, at most 16 MB |
//! | `ebay` | 1600 x 1600 | exactly 255,255,255, no border | | compose | JPEG, at most 12 MB |
//! | `transparent` | 2000 x 2000 | none | | compose | PNG |
//! | `flat-lay` | 2000 x 2000 | white at the edges | | shadowTop | JPEG |
//! | `wall` | 2000 x 2000 | light gray | | shadow_wall | JPEG |
//!
//! A promise is measured on the finished file, and a miss is a warning.

use std::sync::LazyLock;

use super::{ParamSet, SetName};

static ALL: LazyLock<Vec<(SetName, ParamSet)>> = LazyLock::new(|| {
    let texts = [
        ("amazon-main", include_str!("presets/amazon-main.json")),
        ("ebay", include_str!("presets/ebay.json")),
        ("flat-lay", include_str!("presets/flat-lay.json")),
        ("google-merchant", include_str!("presets/google-merchant.json")),
        ("transparent", include_str!("presets/transparent.json")),
        ("wall", include_str!("presets/wall.json")),
    ];
    // A test reads all of them, so none is left out.
    texts.into_iter().filter_map(|(name, text)| Some((name.parse().ok()?, ParamSet::parse(text).ok()?))).collect()
});

/// Every built-in set, by name.
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
    fn every_preset_is_valid_and_makes_what_it_is_for() {
        let names: Vec<_> = all().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["amazon-main", "ebay", "flat-lay", "google-merchant", "transparent", "wall"]);
        for (name, set) in all() {
            let wanted = set.wanted();
            assert!(wanted.made.len() == 1 && wanted.ignored.is_empty(), "{name}: {wanted:?}");
            assert!(set.promise.is_some(), "{name}");
        }
        assert!(find("amazon-main").is_some() && find("Amazon-Main").is_none());
    }
}
