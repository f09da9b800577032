//! How a file stores its colors: bits a channel, and the profile that says what they mean.

use std::sync::Arc;

/// Bits of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BitDepth {
    /// 8 bits.
    #[default]
    Eight,
    /// 16 bits.
    Sixteen,
}

impl BitDepth {
    /// The number of bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// Bytes of a sample.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }
}

/// The profile that a file embeds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EmbeddedProfile {
    /// sRGB.
    #[default]
    Srgb,
    /// None: the source has none either, and its colors are unknown. Programs take them for sRGB, and so does this crate.
    Untagged,
    /// An ICC profile for RGB.
    Icc(Arc<[u8]>),
    /// The colors are CMYK. An ICC profile for CMYK; `None` if the source has none, so that the press is unknown.
    Inks(Option<Arc<[u8]>>),
}

/// How a file stores its colors. The default is that of a run that asks for nothing: 8-bit sRGB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileColors {
    /// Bits of a channel, in formats that have a choice.
    pub depth: BitDepth,
    /// The profile.
    pub profile: EmbeddedProfile,
}

impl EmbeddedProfile {
    /// Whether the colors are CMYK.
    pub(crate) const fn is_of_inks(&self) -> bool {
        matches!(self, Self::Inks(_))
    }
}

impl FileColors {
    /// Default colors.
    pub(crate) const SRGB: Self = Self { depth: BitDepth::Eight, profile: EmbeddedProfile::Srgb };
}
