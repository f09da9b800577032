//! Changes to the settings that steer a cut, as a recut makes them.

use serde::{Deserialize, Serialize};

use super::{Hints, Holes, Keep, MaskSource, Roi, SubjectSettings};
use crate::domain::mask::MaskContent;
use crate::domain::rendering::{Inset, PathOptions, Rendering};

/// The settings that a recut changes. The others stay as they were.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SubjectChanges {
    /// Replaces `roi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roi: Option<Roi>,
    /// Replaces `keep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Replaces or removes `hints`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<HintsChange>,
    /// Replaces `holes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holes: Option<Holes>,
    /// Replaces `mask_source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_source: Option<MaskSource>,
    /// Replaces `path_inset`, a setting of the written files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_inset: Option<Inset>,
    /// The mask that comes with the recut as a file. Then `mask_source` is [`MaskSource::File`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskContent>,
}

/// What becomes of the hints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HintsChange {
    /// All earlier ones go.
    Remove,
    /// These take the place of all earlier ones.
    Replace(Hints),
}

impl SubjectChanges {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The settings after the change. The mask is not one of them.
    #[must_use]
    pub fn applied_to(&self, settings: &SubjectSettings) -> SubjectSettings {
        SubjectSettings {
            roi: self.roi.or(settings.roi),
            keep: self.keep.clone().or_else(|| settings.keep.clone()),
            hints: match &self.hints {
                Some(HintsChange::Remove) => None,
                Some(HintsChange::Replace(hints)) => Some(hints.clone()),
                None => settings.hints.clone(),
            },
            holes: self.holes.or(settings.holes),
            mask_source: self.mask_source.or(settings.mask_source),
        }
    }

    /// How files are written after the change.
    #[must_use]
    pub fn applied_to_rendering(&self, rendering: &Rendering) -> Rendering {
        let inset = self.path_inset.unwrap_or(rendering.path.inset);
        Rendering { path: PathOptions { inset, ..rendering.path.clone() }, ..rendering.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(value: Value) -> SubjectSettings {
        serde_json::from_value(value).expect("settings")
    }

    #[test]
    fn what_is_not_given_stays() {
        let before = json!({
            "roi": "0 0 50% 50%", "keep": "main", "holes": "open", "hints": [{"kind": "keep", "points": [[1.0, 2.0]]}],
            "mask_source": "alpha",
        });
        let hints = json!([{"kind": "remove", "points": [[3.0, 4.0]]}]);
        for (name, change, after) in [
            ("roi", json!("1 2 30 40"), json!("1 2 30 40")),
            ("keep", json!("all"), json!("all")),
            ("holes", json!("keep"), json!("keep")),
            ("mask_source", json!("auto"), json!("auto")),
            ("hints", json!({ "replace": hints }), hints),
            ("hints", json!("remove"), Value::Null),
        ] {
            let changes: SubjectChanges = serde_json::from_value(json!({ name: change })).expect("changes");
            let mut expected = before.clone();
            expected[name] = after;
            assert_eq!(changes.applied_to(&settings(before.clone())), settings(expected), "{name}");
        }
        assert_eq!(SubjectChanges::default().applied_to(&settings(before.clone())), settings(before));
    }

    #[test]
    fn only_the_inset_of_a_path_changes() {
        let read = |value: Value| serde_json::from_value::<Rendering>(value).expect("a rendering");
        let before = read(json!({"quality": 80, "path": {"name": "Pfad", "inset": 0.5}}));
        let changes: SubjectChanges = serde_json::from_value(json!({"path_inset": 1.5})).expect("changes");
        let after = read(json!({"quality": 80, "path": {"name": "Pfad", "inset": 1.5}}));
        assert_eq!(changes.applied_to_rendering(&before), after);
        assert!(!changes.is_empty() && changes.applied_to(&SubjectSettings::default()).is_empty());
        assert_eq!(SubjectChanges::default().applied_to_rendering(&before), before);
    }
}
