//! What a finished job has to show: its pictures, what lies beside them, and how sure the cut is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::storage::StorageKey;

/// A picture that a job can make. Of the last three, the names are spelt as clients know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variation {
    /// The subject on transparency, with a soft matte.
    Background,
    /// The subject cut along its path, with hard edges. Where its outline is no honest path, the same as
    /// [`Variation::Background`], and a warning says why.
    Clipping,
    /// The subject on a parameter set's canvas.
    Compose,
    /// The same with the soft shadow of a flat lay.
    #[serde(rename = "shadowTop")]
    ShadowTop,
    /// The same with a shadow on the wall behind.
    ShadowWall,
}

impl Variation {
    /// Every variation.
    pub const ALL: [Self; 5] = [Self::Background, Self::Clipping, Self::Compose, Self::ShadowTop, Self::ShadowWall];

    /// The name as it stands in a status, and in a file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Clipping => "clipping",
            Self::Compose => "compose",
            Self::ShadowTop => "shadowTop",
            Self::ShadowWall => "shadow_wall",
        }
    }

    /// Whether it is the subject on a canvas, and not the photograph's own cut.
    pub const fn is_composed(self) -> bool {
        match self {
            Self::Background | Self::Clipping => false,
            Self::Compose | Self::ShadowTop | Self::ShadowWall => true,
        }
    }
}

/// A file that is made beside the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// The path along which [`Variation::Clipping`] was cut, as SVG.
    ClippingPath,
    /// The soft matte, as a gray PNG of the picture's size: 0 is background, 255 is subject.
    Matte,
}

impl AssetKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::ClippingPath, Self::Matte];

    /// The name as it stands in a status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClippingPath => "clipping_path",
            Self::Matte => "matte",
        }
    }

    /// The name of its file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::ClippingPath => "clipping_path.svg",
            Self::Matte => "matte.png",
        }
    }

    /// The media type of its file.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::ClippingPath => "image/svg+xml",
            Self::Matte => "image/png",
        }
    }
}

/// How sure a cut is: 0 (a guess) to 1, in steps of a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(u16);

/// The number is no confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a confidence is a number from 0 to 1")]
pub struct InvalidConfidence;

impl Confidence {
    /// A cut below this is one that a person should look at.
    pub const DOUBTFUL: Self = Self(500);

    const ONE: f64 = 1000.0;

    /// The nearest confidence: what is below 0, or no number, is 0, and what is above 1 is 1.
    pub fn nearest(share: f32) -> Self {
        // The cast cuts to the range, and makes 0 of what is no number.
        Self((f64::from(share).clamp(0.0, 1.0) * Self::ONE).round() as u16)
    }

    /// The value, 0 to 1.
    pub fn get(self) -> f64 {
        f64::from(self.0) / Self::ONE
    }

    /// Whether a person should look at the cut.
    pub fn is_doubtful(self) -> bool {
        self < Self::DOUBTFUL
    }
}

impl TryFrom<f64> for Confidence {
    type Error = InvalidConfidence;

    fn try_from(value: f64) -> Result<Self, InvalidConfidence> {
        if (0.0..=1.0).contains(&value) { Ok(Self((value * Self::ONE).round() as u16)) } else { Err(InvalidConfidence) }
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> Self {
        confidence.get()
    }
}

/// One stored picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPicture {
    /// Where it lies.
    pub key: StorageKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// One stored file beside the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAsset {
    /// Where it lies.
    pub key: StorageKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What a finished job has to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The pictures.
    pub pictures: BTreeMap<Variation, StoredPicture>,
    /// The picture that `final_url` links to. One of `pictures`.
    pub final_picture: Variation,
    /// What lies beside the pictures. Empty in records of versions that made no such files.
    #[serde(default)]
    pub assets: BTreeMap<AssetKind, StoredAsset>,
    /// How sure the cut is. `None` in records of versions that did not tell.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// What the caller should know, by variation; under [`SOURCE`] what concerns the photograph.
    pub warnings: Warnings,
    /// Variations that were asked for and not made; each has a warning.
    pub ignored: Vec<String>,
    /// The version of the code and the models that made them.
    pub pipeline_version: String,
}

/// What the caller should know, as sentences: by the name of the variation that they are about, or under
/// [`SOURCE`].
pub type Warnings = BTreeMap<String, Vec<String>>;

/// The key of [`Warnings`] for what was lost or assumed when the photograph was read, such as a conversion
/// of its colors.
pub const SOURCE: &str = "source";

/// The most warnings under one key, and the most characters of one. A record has room for these; a
/// photograph that was made to be warned about has no say in how large a record is.
const MAX_WARNINGS: usize = 20;
const MAX_WARNING_CHARS: usize = 500;

/// The warnings as they are kept: of a long list its beginning, and how many more there were.
pub(crate) fn kept(mut warnings: Warnings) -> Warnings {
    for sentences in warnings.values_mut() {
        let more = sentences.len().saturating_sub(MAX_WARNINGS);
        sentences.truncate(MAX_WARNINGS);
        for sentence in sentences.iter_mut() {
            if let Some((end, _)) = sentence.char_indices().nth(MAX_WARNING_CHARS) {
                sentence.truncate(end);
            }
        }
        if more > 0 {
            sentences.push(format!("and {more} more"));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_confidence_can_be_stored_and_read_again(share in any::<f32>()) {
            let confidence = Confidence::nearest(share);
            prop_assert!((0.0..=1.0).contains(&confidence.get()));
            let stored = serde_json::to_string(&confidence).expect("serialises");
            prop_assert!(stored.len() <= 5, "{}", stored);
            prop_assert_eq!(serde_json::from_str::<Confidence>(&stored).expect("is read again"), confidence);
        }
    }

    #[test]
    fn a_confidence_is_from_0_to_1() {
        let cases = [(f32::NAN, 0.0), (f32::NEG_INFINITY, 0.0), (7.0, 1.0), (0.8734, 0.873), (0.0, 0.0), (1.0, 1.0)];
        for (share, expected) in cases {
            assert_eq!(Confidence::nearest(share).get(), expected, "{share}");
        }
        for stored in ["-0.1", "1.1", "null", "\"0.5\""] {
            assert!(serde_json::from_str::<Confidence>(stored).is_err(), "{stored}");
        }
        assert!(Confidence::nearest(0.499).is_doubtful() && !Confidence::nearest(0.5).is_doubtful());
    }

    #[test]
    fn names_are_the_same_in_json_as_in_a_status() {
        for variation in Variation::ALL {
            assert_eq!(serde_json::to_value(variation).expect("serialises"), variation.as_str());
        }
        for kind in AssetKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("serialises"), kind.as_str());
            assert!(kind.file_name().starts_with(kind.as_str()));
        }
    }

    #[test]
    fn a_long_list_of_warnings_is_cut_and_says_so() {
        let many = Warnings::from([(SOURCE.to_owned(), vec!["é".repeat(600); 25]), ("clipping".to_owned(), vec![])]);
        let kept = kept(many);
        assert_eq!(kept[SOURCE].len(), 21);
        assert_eq!(kept[SOURCE][0], "é".repeat(500));
        assert_eq!(kept[SOURCE][20], "and 5 more");
        assert!(kept["clipping"].is_empty());
    }
}
