//! Output formats: one descriptor each, from which request values, file names, checks and memory estimates derive.
//!
//! A new format is an entry in [`OutputFormat`], its arm in [`OutputFormat::info`], an encoder and one line in the
//! encoder's dispatch.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::choice::InvalidChoice;

/// The file format of the pictures. Requests may spell one format in several ways: `jpg` and `jpeg` are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// PNG with alpha.
    #[default]
    Png,
    /// JPEG, flattened on a color: it has no alpha.
    Jpeg,
    /// Photoshop document with layers.
    Psd,
    /// TIFF with alpha.
    Tiff,
    /// WebP with alpha, lossy unless asked otherwise.
    Webp,
}

/// The facts about an output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatInfo {
    /// The name as people write it.
    pub label: &'static str,
    /// The spellings in a request, the usual one first.
    pub spellings: &'static [&'static str],
    /// The file extension, without the dot.
    pub extension: &'static str,
    /// The media type.
    pub content_type: &'static str,
    /// The largest picture that a file can hold.
    pub max_size: MaxSize,
    /// Whether pixels can be transparent. Formats without alpha show the subject on a color.
    pub has_alpha: bool,
    /// Whether the file can carry a named clipping path.
    pub carries_path: bool,
    /// Whether the setting `quality` applies.
    pub takes_quality: bool,
    /// Whether files may have 16 bits a channel.
    pub has_16_bits: bool,
    /// Whether files may hold the inks of a CMYK photograph.
    pub has_inks: bool,
    /// Memory while a picture is encoded, in bytes a pixel, at most: the picture, the encoder's work and the file.
    pub encoding_bytes_per_pixel: u64,
    /// The encoded file, in bytes a pixel, at most.
    pub file_bytes_per_pixel: u64,
}

/// The largest picture that a format can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxSize {
    /// Each side has at most this many pixels.
    Side(u32),
    /// As many pixels as a square of this side has, in any shape: the format limits offsets in the file, not sides.
    SquareOf(u32),
}

impl MaxSize {
    /// Whether a picture of this size fits.
    pub const fn holds(self, width: u32, height: u32) -> bool {
        match self {
            Self::Side(side) => width <= side && height <= side,
            Self::SquareOf(side) => width as u64 * height as u64 <= side as u64 * side as u64,
        }
    }

    /// The side that a message names, in pixels.
    pub const fn side(self) -> u32 {
        match self {
            Self::Side(side) | Self::SquareOf(side) => side,
        }
    }
}

const PNG: FormatInfo = FormatInfo {
    label: "PNG",
    spellings: &["png"],
    extension: "png",
    content_type: "image/png",
    max_size: MaxSize::Side(i32::MAX as u32),
    has_alpha: true,
    carries_path: false,
    takes_quality: false,
    has_16_bits: true,
    has_inks: false,
    encoding_bytes_per_pixel: 20,
    file_bytes_per_pixel: 5,
};

const JPEG: FormatInfo = FormatInfo {
    label: "JPEG",
    spellings: &["jpg", "jpeg"],
    extension: "jpg",
    content_type: "image/jpeg",
    max_size: MaxSize::Side(65_535),
    has_alpha: false,
    carries_path: true,
    takes_quality: true,
    has_16_bits: false,
    has_inks: false,
    encoding_bytes_per_pixel: 20,
    file_bytes_per_pixel: 5,
};

const PSD: FormatInfo = FormatInfo {
    label: "PSD",
    spellings: &["psd"],
    extension: "psd",
    content_type: "image/vnd.adobe.photoshop",
    max_size: MaxSize::Side(30_000),
    has_alpha: true,
    carries_path: true,
    takes_quality: false,
    has_16_bits: true,
    has_inks: true,
    // In mode clipping there are two files, each with the original beneath the cut-out.
    encoding_bytes_per_pixel: 33,
    file_bytes_per_pixel: 12,
};

const TIFF: FormatInfo = FormatInfo {
    label: "TIFF",
    spellings: &["tiff"],
    extension: "tiff",
    content_type: "image/tiff",
    // Offsets have 32 bits.
    max_size: MaxSize::SquareOf(32_000),
    has_alpha: true,
    carries_path: true,
    takes_quality: false,
    has_16_bits: true,
    has_inks: true,
    encoding_bytes_per_pixel: 20,
    file_bytes_per_pixel: 5,
};

const WEBP: FormatInfo = FormatInfo {
    label: "WebP",
    spellings: &["webp"],
    extension: "webp",
    content_type: "image/webp",
    max_size: MaxSize::Side(16_383),
    has_alpha: true,
    carries_path: false,
    takes_quality: true,
    has_16_bits: false,
    has_inks: false,
    // Noise takes 50 bytes a pixel in libwebp, a photograph about 25.
    encoding_bytes_per_pixel: 50,
    file_bytes_per_pixel: 5,
};

impl OutputFormat {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Png, Self::Jpeg, Self::Psd, Self::Tiff, Self::Webp];

    /// The facts about the format.
    pub const fn info(self) -> &'static FormatInfo {
        match self {
            Self::Png => &PNG,
            Self::Jpeg => &JPEG,
            Self::Psd => &PSD,
            Self::Tiff => &TIFF,
            Self::Webp => &WEBP,
        }
    }

    /// Every spelling that a request may have.
    pub fn spellings() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().flat_map(|format| format.info().spellings.iter().copied())
    }

    /// The file extension, without the dot.
    pub const fn extension(self) -> &'static str {
        self.info().extension
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        self.info().content_type
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().label)
    }
}

impl FromStr for OutputFormat {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, InvalidChoice> {
        Self::ALL.into_iter().find(|format| format.info().spellings.contains(&text)).ok_or(InvalidChoice)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_spelling_names_one_format() {
        let spellings: Vec<_> = OutputFormat::spellings().collect();
        assert_eq!(spellings.iter().collect::<HashSet<_>>().len(), spellings.len());
        for format in OutputFormat::ALL {
            for spelling in format.info().spellings {
                assert_eq!(spelling.parse(), Ok(format));
            }
            assert!(format.info().spellings.contains(&format.extension()), "a file is found again by its extension");
        }
        assert_eq!("gif".parse::<OutputFormat>(), Err(InvalidChoice));
    }

    #[test]
    fn records_spell_a_format_in_a_way_that_requests_may_use() {
        for format in OutputFormat::ALL {
            let stored = serde_json::to_value(format).expect("serializes");
            assert_eq!(stored.as_str().and_then(|text| text.parse().ok()), Some(format));
        }
    }

    #[test]
    fn a_size_is_limited_by_side_or_by_area() {
        assert!(MaxSize::Side(100).holds(100, 1) && !MaxSize::Side(100).holds(101, 1));
        assert!(MaxSize::SquareOf(100).holds(10_000, 1) && !MaxSize::SquareOf(100).holds(10_001, 1));
        assert!(!MaxSize::SquareOf(100).holds(u32::MAX, u32::MAX));
    }
}
