//! The meaning of a page's samples.

use super::kind::{KIND, REMEDY};
use super::layout::Layout;
use crate::decode::color::{AlphaMode, ColorModel};
use crate::decode::metadata::ifd::{self, Ifd};
use crate::error::Error;

const PHOTOMETRIC: u16 = 262;
const INK_SET: u16 = 332;
const SAMPLE_FORMAT: u16 = 339;
const YCBCR_SUBSAMPLING: u16 = 530;
const CMYK_INKS: u64 = 1;

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Unsigned,
    /// Floating point, from 0 to 1.
    Float,
}

/// How colors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// As the samples of the model.
    Plain,
    /// Gray or inks, with 0 for white.
    Inverted,
    /// Luma and chroma of full range.
    YCbCr,
    /// An index into a palette of RGB.
    Index,
}

/// The meaning of a page's samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct SampleFormat {
    pub(super) model: ColorModel,
    /// Alpha is the first sample after the colors.
    pub(super) alpha: AlphaMode,
    pub(super) stored: Stored,
    pub(super) number: Number,
}

impl SampleFormat {
    /// Determines the format, or why it is not supported.
    pub(super) fn detect(layout: &Layout, ifd: &Ifd<'_>) -> Result<Self, Error> {
        let (model, stored) = colors(ifd)?;
        let number = number(ifd)?;
        let is_supported = match number {
            Number::Float => matches!(layout.bits, 16 | 24 | 32 | 64) && matches!(stored, Stored::Plain),
            Number::Unsigned if stored == Stored::Index => layout.bits <= 8 || layout.bits == 16,
            Number::Unsigned if stored == Stored::YCbCr => layout.bits == 8,
            Number::Unsigned => layout.bits <= 32,
        };
        if !is_supported {
            return Err(unsupported(format!("{} bits per sample of this kind", layout.bits)));
        }
        let format = Self { model, alpha: AlphaMode::Opaque, stored, number };
        let alpha = format.alpha(layout, ifd)?;
        Ok(Self { alpha, ..format })
    }

    /// Samples of a pixel that are stored for its color.
    pub(super) fn color_samples(&self) -> usize {
        if self.stored == Stored::Index { 1 } else { self.model.samples() }
    }

    /// Samples of a pixel that are decoded: those of the color, and alpha if there is any.
    pub(super) fn samples(&self) -> usize {
        self.color_samples() + usize::from(self.alpha != AlphaMode::Opaque)
    }

    /// How the first sample after the colors is declared (TIFF 6.0, section 18). By convention, an undeclared one is
    /// alpha, except in gray pages.
    fn alpha(&self, layout: &Layout, ifd: &Ifd<'_>) -> Result<AlphaMode, Error> {
        const ASSOCIATED_ALPHA: u64 = 1;
        const UNASSOCIATED_ALPHA: u64 = 2;
        let extra: Vec<u64> = ifd.integers(ifd::EXTRA_SAMPLES).collect();
        let colors = self.color_samples();
        if layout.samples < colors {
            return Err(Error::damaged(KIND, "it has too few samples per pixel"));
        }
        Ok(match (layout.samples - colors, extra.first()) {
            (0, _) => AlphaMode::Opaque,
            (_, Some(&ASSOCIATED_ALPHA)) => AlphaMode::Premultiplied,
            (_, Some(&UNASSOCIATED_ALPHA)) => AlphaMode::Straight,
            (1, None) if colors > 1 => AlphaMode::Straight,
            _ => AlphaMode::Opaque,
        })
    }
}

fn colors(ifd: &Ifd<'_>) -> Result<(ColorModel, Stored), Error> {
    Ok(match ifd.integer(PHOTOMETRIC) {
        Some(0) => (ColorModel::Gray, Stored::Inverted),
        Some(1) => (ColorModel::Gray, Stored::Plain),
        Some(2) => (ColorModel::Rgb, Stored::Plain),
        Some(3) => (ColorModel::Rgb, Stored::Index),
        Some(5) if ifd.integer(INK_SET).is_none_or(|inks| inks == CMYK_INKS) => (ColorModel::Cmyk, Stored::Plain),
        Some(5) => return Err(unsupported("inks other than CMYK")),
        Some(6) => (ColorModel::Rgb, Stored::YCbCr),
        Some(8..=10) => return Err(unsupported("Lab colors")),
        Some(32_844 | 32_845) => return Err(unsupported("LogLuv colors")),
        Some(4) => return Err(unsupported("a page that is a mask")),
        Some(_) => return Err(unsupported("an uncommon color model")),
        None => return Err(Error::damaged(KIND, "its color model is missing")),
    })
}

fn number(ifd: &Ifd<'_>) -> Result<Number, Error> {
    match ifd.integer(SAMPLE_FORMAT) {
        // 4 is undefined, which readers take for unsigned.
        None | Some(1 | 4) => Ok(Number::Unsigned),
        Some(3) => Ok(Number::Float),
        Some(2) => Err(unsupported("signed samples")),
        Some(_) => Err(unsupported("complex samples")),
    }
}

/// Columns and rows of luma for each chroma sample.
pub(super) fn chroma_subsampling(ifd: &Ifd<'_>) -> (u64, u64) {
    let mut sides = ifd.integers(YCBCR_SUBSAMPLING);
    (sides.next().unwrap_or(2), sides.next().unwrap_or(2))
}

fn unsupported(feature: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::unsupported(KIND, feature, REMEDY)
}
