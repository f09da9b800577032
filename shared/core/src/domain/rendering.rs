//! How pictures are written: the settings in addition to the format.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;
use super::crop::Crop;
pub use super::existing_path::ExistingClippingPath;
use super::fidelity::{ColorSpace, Depth};
pub use super::keep_metadata::KeepMetadata;

/// Which channels of a picture are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// Colors and alpha; in formats without alpha, the subject on white.
    #[default]
    Rgba,
    /// Only alpha, as gray: 0 is background, 255 is subject.
    Alpha,
}

impl Channels {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Rgba, Self::Alpha];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rgba => "rgba",
            Self::Alpha => "alpha",
        }
    }
}

impl FromStr for Channels {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|channels| channels.as_str() == text).ok_or(InvalidChoice)
    }
}

/// The settings of the written files. The default is what a request without settings gets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rendering {
    /// Which channels are written.
    pub channels: Channels,
    /// The quality of JPEG and lossy WebP; `None` is the format's default.
    pub quality: Option<Quality>,
    /// Whether WebP keeps the colors without loss. `None` leaves it to the parameter set, and without one to `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lossless: Option<bool>,
    /// Dots per inch; `None` is the source's value, or 300 if it has none.
    pub dpi: Option<Dpi>,
    /// The clipping path.
    pub path: PathOptions,
    /// What the pictures show of the photograph. `None` leaves it to the parameter set, and without one to
    /// [`Crop::Whole`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// How much of the source's metadata is kept. `None` leaves it to the parameter set, and without one to
    /// [`KeepMetadata::Credit`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_metadata: Option<KeepMetadata>,
    /// The bits of a channel. `None` leaves them to the parameter set, and without one to [`Depth::Eight`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// The color space. `None` leaves it to the parameter set, and without one to [`ColorSpace::Srgb`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<ColorSpace>,
}

/// The value of a setting is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct OutOfRange(
    /// The rest of the sentence "must be …".
    pub &'static str,
);

/// A whole number, also in the spelling `80.0` that some languages use for it.
fn whole(text: &str) -> Option<u16> {
    let value = text.parse::<f64>().ok()?;
    (value.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&value)).then_some(value as u16)
}

/// The quality of a lossy file: 1 (small) to 100 (good).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(u8);

impl Quality {
    /// The lowest quality.
    pub const MIN: u8 = 1;
    /// The highest quality.
    pub const MAX: u8 = 100;

    const RANGE: OutOfRange = OutOfRange("a whole number from 1 to 100");

    /// The value, 1 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Quality {
    type Error = OutOfRange;

    fn try_from(value: u8) -> Result<Self, OutOfRange> {
        if (Self::MIN..=Self::MAX).contains(&value) { Ok(Self(value)) } else { Err(Self::RANGE) }
    }
}

impl FromStr for Quality {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        whole(text).and_then(|value| u8::try_from(value).ok()).ok_or(Self::RANGE)?.try_into()
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.0
    }
}

/// Dots per inch: 1 to 9,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Dpi(u16);

impl Dpi {
    /// The lowest resolution.
    pub const MIN: u16 = 1;
    /// The highest resolution.
    pub const MAX: u16 = 9_999;

    const RANGE: OutOfRange = OutOfRange("a whole number from 1 to 9999");

    /// The value, 1 to 9,999.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Dpi {
    type Error = OutOfRange;

    fn try_from(value: u16) -> Result<Self, OutOfRange> {
        if (Self::MIN..=Self::MAX).contains(&value) { Ok(Self(value)) } else { Err(Self::RANGE) }
    }
}

impl FromStr for Dpi {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        whole(text).ok_or(Self::RANGE)?.try_into()
    }
}

impl From<Dpi> for u16 {
    fn from(dpi: Dpi) -> Self {
        dpi.0
    }
}

/// How a clipping path is made and named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PathOptions {
    /// Its name in the file.
    pub name: PathName,
    /// How far a printing device may deviate from its curves.
    pub flatness: Flatness,
    /// How far it lies inside the outline.
    pub inset: Inset,
    /// The clipping path that the file brings along, if the path is inserted into the original file.
    #[serde(skip_serializing_if = "ExistingClippingPath::is_default")]
    pub existing: ExistingClippingPath,
}

/// The name of a clipping path: 1 to 63 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathName(String);

impl PathName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for PathName {
    fn default() -> Self {
        Self("Cutline Path".to_owned())
    }
}

impl fmt::Display for PathName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for PathName {
    type Error = OutOfRange;

    fn try_from(name: String) -> Result<Self, OutOfRange> {
        let length = name.chars().count();
        if (1..=63).contains(&length) && !name.chars().any(char::is_control) {
            Ok(Self(name))
        } else {
            Err(OutOfRange("1 to 63 characters, none of which is a control character"))
        }
    }
}

impl FromStr for PathName {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        text.to_owned().try_into()
    }
}

impl From<PathName> for String {
    fn from(name: PathName) -> Self {
        name.0
    }
}

/// The flatness of a clipping path, in pixels of the printing device: 0.2 to 100. By default the device chooses.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Option<f32>", into = "Option<f32>")]
pub struct Flatness(Option<f32>);

/// Never NaN.
impl Eq for Flatness {}

impl Flatness {
    const RANGE: OutOfRange = OutOfRange("a number from 0.2 to 100");

    /// The value; `None` lets the device choose.
    pub const fn get(self) -> Option<f32> {
        self.0
    }
}

impl TryFrom<Option<f32>> for Flatness {
    type Error = OutOfRange;

    fn try_from(value: Option<f32>) -> Result<Self, OutOfRange> {
        match value {
            Some(value) if !(0.2..=100.0).contains(&value) => Err(Self::RANGE),
            value => Ok(Self(value)),
        }
    }
}

impl FromStr for Flatness {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        Some(text.parse().map_err(|_| Self::RANGE)?).try_into()
    }
}

impl From<Flatness> for Option<f32> {
    fn from(flatness: Flatness) -> Self {
        flatness.0
    }
}

/// How far a clipping path lies inside the outline, in pixels of the picture: 0 to 2.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Inset(f32);

/// Never NaN.
impl Eq for Inset {}

impl Inset {
    const RANGE: OutOfRange = OutOfRange("a number from 0 to 2");

    /// The value, 0 to 2.
    pub const fn get(self) -> f32 {
        self.0
    }
}

impl TryFrom<f32> for Inset {
    type Error = OutOfRange;

    fn try_from(value: f32) -> Result<Self, OutOfRange> {
        if (0.0..=2.0).contains(&value) { Ok(Self(value)) } else { Err(Self::RANGE) }
    }
}

impl FromStr for Inset {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        text.parse::<f32>().map_err(|_| Self::RANGE)?.try_into()
    }
}

impl From<Inset> for f32 {
    fn from(inset: Inset) -> Self {
        inset.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_rejected_in_requests_and_records() {
        assert!(Quality::try_from(0).is_err() && Quality::try_from(101).is_err());
        assert!(Dpi::try_from(0).is_err() && Dpi::try_from(10_000).is_err());
        assert!(Inset::try_from(f32::NAN).is_err() && Inset::try_from(-0.1).is_err());
        assert!(Flatness::try_from(Some(0.1)).is_err() && Flatness::try_from(Some(f32::INFINITY)).is_err());
        assert!(PathName::try_from(String::new()).is_err() && PathName::try_from("a\nb".to_owned()).is_err());
        assert!(serde_json::from_str::<Rendering>(r#"{"quality": 0}"#).is_err());
        assert_eq!(("80.0".parse(), "72".parse()), (Ok(Quality(80)), Ok(Dpi(72))));
        for text in ["80.5", "", "x", "-1", "1e9", "NaN"] {
            assert!(text.parse::<Quality>().is_err() && text.parse::<Dpi>().is_err(), "{text}");
        }
        assert!("NaN".parse::<Inset>().is_err() && "x".parse::<Flatness>().is_err());
        assert!(serde_json::from_str::<Rendering>(r#"{"path": {"inset": 3}}"#).is_err());
    }

    #[test]
    fn a_rendering_survives_storage() {
        let rendering = Rendering {
            channels: Channels::Alpha,
            quality: Some(Quality(80)),
            lossless: Some(true),
            dpi: Some(Dpi(72)),
            path: PathOptions {
                name: PathName("Pfad".into()),
                flatness: Flatness(Some(1.0)),
                inset: Inset(0.5),
                existing: ExistingClippingPath::Replace,
            },
            crop: Some(Crop::Subject { margin: "5% 12 0 3.5%".parse().expect("a margin") }),
            keep_metadata: Some(KeepMetadata::None),
            depth: Some(Depth::Keep),
            color: Some(ColorSpace::Keep),
        };
        for rendering in [rendering, Rendering::default()] {
            let stored = serde_json::to_string(&rendering).expect("serializes");
            assert_eq!(serde_json::from_str::<Rendering>(&stored).expect("is read again"), rendering);
        }
        assert_eq!(serde_json::from_str::<Rendering>("{}").expect("all by default"), Rendering::default());
    }
}
