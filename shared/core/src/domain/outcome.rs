//! The result of a finished job: its pictures, its assets, and how sure the cut is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::asset::AssetKind;
use super::attention::{Attention, AttentionReason};
use super::fidelity::PixelCheck;
use super::ids::LeaseToken;
use super::storage::StorageKey;
use super::subject::PixelBox;
use super::variation::Variation;

/// How sure a cut is, from 0 (a guess) to 1, in steps of a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(u16);

/// The number is not from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a confidence is a number from 0 to 1")]
pub struct InvalidConfidence;

impl Confidence {
    /// A person should look at a cut below this.
    pub const DOUBTFUL: Self = Self(500);

    /// The confidence of an empty cut.
    pub const NONE: Self = Self(0);

    const ONE: f64 = 1000.0;

    /// The nearest confidence. NaN counts as 0.
    pub fn nearest(share: f32) -> Self {
        // The cast saturates, and turns NaN into 0.
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
    /// Where it is stored.
    pub key: StorageKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// One stored asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAsset {
    /// Where it is stored.
    pub key: StorageKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The result of a finished job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The pictures.
    pub pictures: BTreeMap<Variation, StoredPicture>,
    /// The picture that `final_url` links to. One of `pictures`.
    pub final_picture: Variation,
    /// The assets. Empty in records of versions without assets.
    #[serde(default)]
    pub assets: BTreeMap<AssetKind, StoredAsset>,
    /// How sure the cut is. `None` in records of versions without a confidence.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// The part of the upright photograph that cropped pictures show; `None` if no picture was cropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop_box: Option<PixelBox>,
    /// Where a person should look, worst first. Empty in records of versions without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<Attention>,
    /// The delivered pixels compared with the source; `None` if the job asks for neither a depth nor a color space, or has no
    /// lossless file to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel_check: Option<PixelCheck>,
    /// Warnings by variation, or under [`SOURCE`], [`SUBJECT`] or [`NAMES`].
    pub warnings: Warnings,
    /// Requested variations that were not made. Each has a warning.
    pub ignored: Vec<String>,
    /// The version of the code and the models.
    pub pipeline_version: String,
}

impl Outcome {
    /// The size of all its files in bytes.
    pub fn bytes(&self) -> u64 {
        let pictures = self.pictures.values().map(|picture| picture.bytes);
        let assets = self.assets.values().map(|asset| asset.bytes);
        pictures.chain(assets).fold(0, u64::saturating_add)
    }

    /// Whether its pictures are empty, because no subject was found. Such a draft cannot be approved.
    pub fn is_empty(&self) -> bool {
        self.attention.iter().any(|place| place.reason == AttentionReason::NoSubject)
    }

    /// The attempt that made the files, which all lie under its lease.
    pub fn lease(&self) -> Option<LeaseToken> {
        let pictures = self.pictures.values().map(|picture| picture.key);
        let assets = self.assets.values().map(|asset| asset.key);
        pictures.chain(assets).find_map(|key| key.lease())
    }
}

/// Sentences for the caller, by the name of the variation that they are about, or under [`SOURCE`], [`SUBJECT`],
/// [`NAMES`] or [`RECUT`].
pub type Warnings = BTreeMap<String, Vec<String>>;

/// The key of [`Warnings`] for losses and assumptions when the photograph was decoded, such as a color conversion.
pub const SOURCE: &str = "source";

/// The name under which [`Warnings`] holds what is about the settings that steer the cut.
pub const SUBJECT: &str = "subject";

/// The name under which [`Warnings`] says what is missing from the names of the job and its files.
pub const NAMES: &str = "names";

/// The name under which [`Warnings`] says why a recut failed and its draft is the one before.
pub const RECUT: &str = "recut";

/// The most warnings under one key.
///
/// This and the next limit keep a hostile photograph from growing its job's record.
const MAX_WARNINGS: usize = 20;
/// The most characters of one warning.
const MAX_WARNING_CHARS: usize = 500;

/// Cuts long lists of warnings and says how many are missing.
pub(crate) fn bounded(mut warnings: Warnings) -> Warnings {
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
        fn every_confidence_survives_storage(share in any::<f32>()) {
            let confidence = Confidence::nearest(share);
            prop_assert!((0.0..=1.0).contains(&confidence.get()));
            let stored = serde_json::to_string(&confidence).expect("serializes");
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
    fn a_long_list_of_warnings_is_cut_and_says_so() {
        let many = Warnings::from([(SOURCE.to_owned(), vec!["é".repeat(600); 25]), ("clipping".to_owned(), vec![])]);
        let kept = bounded(many);
        assert_eq!(kept[SOURCE].len(), 21);
        assert_eq!(kept[SOURCE][0], "é".repeat(500));
        assert_eq!(kept[SOURCE][20], "and 5 more");
        assert!(kept["clipping"].is_empty());
    }
}
