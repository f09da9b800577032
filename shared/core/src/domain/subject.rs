//! How a caller steers the cut: which part of the photograph counts, which objects stay, what a click adds or removes.
//!
//! All coordinates are those of the upright photograph: pixels from its upper left corner, or a percentage of its width
//! or height. Its size is not known when a request is read, so coordinates outside of it are found when the job runs.

mod changes;
mod coordinate;
mod hints;
mod keep;
mod mask_source;
mod read;
mod roi;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;
pub use changes::{HintsChange, SubjectChanges};
pub use coordinate::{Coordinate, InvalidCoordinate, Point};
pub use hints::{Hint, HintKind, Hints};
pub use keep::{Keep, KeepChoice};
pub use mask_source::MaskSource;
pub use read::{InvalidSubject, SubjectFault};
pub use roi::{InvalidPixelBox, InvalidRoi, PixelBox, Roi};

/// How a caller steers the cut. `None` leaves a setting to the parameter set, or else to its default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SubjectSettings {
    /// Everything outside of it is background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roi: Option<Roi>,
    /// Which objects are the subject; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Regions that a person added or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<Hints>,
    /// What becomes of enclosed regions; [`Holes::Auto`] by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holes: Option<Holes>,
    /// What the matte comes from; [`MaskSource::Auto`] by default. Any other source leaves nothing for the settings above
    /// to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_source: Option<MaskSource>,
}

impl SubjectSettings {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The names of the settings that change a matte: all that are set, except `mask_source`.
    pub fn steering(&self) -> impl Iterator<Item = &'static str> {
        let Self { roi, keep, hints, holes, mask_source: _ } = self;
        let set =
            [("roi", roi.is_some()), ("keep", keep.is_some()), ("hints", hints.is_some()), ("holes", holes.is_some())];
        set.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name)
    }

    /// Whether a setting changes the matte.
    pub fn is_steered(&self) -> bool {
        self.steering().next().is_some()
    }

    /// The same settings for the photograph at another size, `factor` times as large.
    ///
    /// # Errors
    /// [`InvalidCoordinate`] if a coordinate would be out of range.
    pub fn scaled(&self, factor: f64) -> Result<Self, InvalidCoordinate> {
        Ok(Self {
            roi: self.roi.map(|roi| roi.scaled(factor)).transpose()?,
            keep: self.keep.as_ref().map(|keep| keep.scaled(factor)).transpose()?,
            hints: self.hints.as_ref().map(|hints| hints.scaled(factor)).transpose()?,
            holes: self.holes,
            mask_source: self.mask_source,
        })
    }

    /// These settings, and those of `other` where nothing is set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            roi: self.roi.or(other.roi),
            keep: self.keep.or(other.keep),
            hints: self.hints.or(other.hints),
            holes: self.holes.or(other.holes),
            mask_source: self.mask_source.or(other.mask_source),
        }
    }
}

/// What becomes of regions that the subject encloses: the inside of a ring, the gap under a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holes {
    /// The networks decide.
    #[default]
    Auto,
    /// Enclosed regions that match the color of the background around the subject become background.
    Open,
    /// Enclosed regions become subject.
    Keep,
}

impl Holes {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Open, Self::Keep];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Open => "open",
            Self::Keep => "keep",
        }
    }
}

impl std::str::FromStr for Holes {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(InvalidChoice)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_wins_over_its_set_setting_by_setting() {
        let settings = |value| serde_json::from_value::<SubjectSettings>(value).expect("settings");
        let request = settings(json!({"keep": "all", "holes": "open", "mask_source": "auto"}));
        let set = settings(json!({"keep": "main", "roi": "10% 10% 90% 90%", "mask_source": "path"}));
        let expected =
            settings(json!({"keep": "all", "holes": "open", "roi": "10% 10% 90% 90%", "mask_source": "auto"}));
        assert_eq!(request.or(set), expected);
        assert!(SubjectSettings::default().is_empty() && !expected.is_empty());
        let of_set = settings(json!({"mask_source": "path"}));
        assert_eq!(SubjectSettings::default().or(of_set.clone()), of_set);
    }

    #[test]
    fn the_source_of_the_mask_steers_nothing() {
        let settings = |value| serde_json::from_value::<SubjectSettings>(value).expect("settings");
        let mask = settings(json!({"mask_source": "alpha"}));
        assert!(!mask.is_empty() && !mask.is_steered());
        let all = settings(json!({
            "roi": "0 0 1 1", "keep": "all", "holes": "auto", "mask_source": "path",
            "hints": [{"kind": "keep", "points": [[1, 2]]}],
        }));
        assert_eq!(all.steering().collect::<Vec<_>>(), ["roi", "keep", "hints", "holes"]);
    }

    #[test]
    fn percentages_stay_when_a_photograph_is_scaled() {
        let settings = |value| serde_json::from_value::<SubjectSettings>(value).expect("settings");
        let large = settings(json!({
            "roi": "10 10% 20 50%", "keep": [[4, "4%"]],
            "hints": [{"kind": "keep", "points": [["7%", 8]], "radius": 6}],
        }));
        let small = settings(json!({
            "roi": "5 10% 10 50%", "keep": [[2, "4%"]],
            "hints": [{"kind": "keep", "points": [["7%", 4]], "radius": 3}],
        }));
        assert_eq!(large.scaled(0.5), Ok(small));
        assert_eq!(large.scaled(10_000.0), Err(InvalidCoordinate));
    }

    #[test]
    fn settings_survive_a_record() {
        let value = json!({
            "roi": "0 10% 120.5 100%",
            "keep": [[10, "50%"]],
            "hints": [{"kind": "remove", "points": [[1, 2], [3.5, 4]], "radius": "2%"}, {"kind": "keep", "points": [[9, 9]]}],
            "holes": "keep",
            "mask_source": "path",
        });
        let settings: SubjectSettings = serde_json::from_value(value.clone()).expect("settings");
        let again = serde_json::to_value(&settings).expect("serializes");
        assert_eq!(serde_json::from_value::<SubjectSettings>(again).expect("settings"), settings);
    }
}
