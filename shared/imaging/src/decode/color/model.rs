//! The meaning of a pixel's samples.

use moxcms::{DataColorSpace, Layout};

/// The color model of a pixel's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum ColorModel {
    /// One sample, 0 is black.
    Gray,
    /// Three samples, 0 is dark.
    Rgb,
    /// Four samples, 0 is no ink.
    Cmyk,
}

impl ColorModel {
    /// Samples per pixel, alpha not included.
    pub(in crate::decode) const fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Rgb => "RGB",
            Self::Cmyk => "CMYK",
        }
    }

    /// The color space that a fitting ICC profile is for.
    pub(super) const fn color_space(self) -> DataColorSpace {
        match self {
            Self::Gray => DataColorSpace::Gray,
            Self::Rgb => DataColorSpace::Rgb,
            Self::Cmyk => DataColorSpace::Cmyk,
        }
    }

    pub(super) const fn layout(self) -> Layout {
        match self {
            Self::Gray => Layout::Gray,
            Self::Rgb => Layout::Rgb,
            // moxcms has one name for all layouts of four samples.
            Self::Cmyk => Layout::Rgba,
        }
    }
}

/// How alpha is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum AlphaMode {
    /// No alpha.
    Opaque,
    /// Colors are independent of alpha.
    Straight,
    /// Colors are multiplied by alpha.
    Premultiplied,
    /// Colors are blended over white, which for inks is bare paper.
    OverWhite,
}
