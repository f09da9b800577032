//! How faithful written files are to the photograph: bits a channel, color space, and the check that proves it.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;

/// The bits of a channel in a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Depth {
    /// 8 bits.
    #[default]
    #[serde(rename = "8")]
    Eight,
    /// 16 bits, in formats that have them. The samples of an 8-bit source are scaled.
    #[serde(rename = "16")]
    Sixteen,
    /// 16 bits if the source has more than 8, in formats that have them; else 8.
    #[serde(rename = "keep")]
    Keep,
}

impl Depth {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Eight, Self::Sixteen, Self::Keep];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eight => "8",
            Self::Sixteen => "16",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for Depth {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|depth| depth.as_str() == text).ok_or(InvalidChoice)
    }
}

/// The color space of written files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColorSpace {
    /// Colors are converted to sRGB.
    #[default]
    Srgb,
    /// Colors stay as the source has them, and its profile is embedded.
    Keep,
}

impl ColorSpace {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Srgb, Self::Keep];

    /// The value in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Srgb => "srgb",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for ColorSpace {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|space| space.as_str() == text).ok_or(InvalidChoice)
    }
}

/// How faithful the files of a job are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fidelity {
    /// The bits of a channel.
    pub depth: Depth,
    /// The color space.
    pub color: ColorSpace,
}

impl Fidelity {
    /// Whether files are those of a job that asks for nothing: 8-bit sRGB.
    pub fn is_default(self) -> bool {
        self == Self::default()
    }
}

/// Delivered pixels compared with the source.
///
/// Pixels are compared where a lossless file and the matte are fully opaque, and the file shows the photograph at its own
/// scale. Other pixels of the matte have estimated colors, also where a path covers all of them. What pixels are compared with
/// is the source after the conversions that depth and color ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct PixelCheck {
    /// The pixels that were compared, of all files together.
    pub pixels: u64,
    /// The largest difference of two samples, in steps of the file's depth: of 255, or of 65,535.
    pub largest_difference: u16,
}

impl PixelCheck {
    /// Both checks in one.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            pixels: self.pixels.saturating_add(other.pixels),
            largest_difference: self.largest_difference.max(other.largest_difference),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_and_records_use_the_same_names() {
        for depth in Depth::ALL {
            assert_eq!((depth.as_str().parse(), json!(depth)), (Ok(depth), json!(depth.as_str())));
        }
        for space in ColorSpace::ALL {
            assert_eq!((space.as_str().parse(), json!(space)), (Ok(space), json!(space.as_str())));
        }
        assert!("32".parse::<Depth>().is_err() && "cmyk".parse::<ColorSpace>().is_err());
    }

    #[test]
    fn joined_checks_add_pixels_and_keep_the_largest_difference() {
        let check = |pixels, largest_difference| PixelCheck { pixels, largest_difference };
        assert_eq!(check(3, 0).joined(check(4, 2)), check(7, 2));
        assert_eq!(check(u64::MAX, 9).joined(check(4, 2)), check(u64::MAX, 9));
    }
}
