//! The meaning of a page's samples.

use tiff::ColorType;

use super::decoder::{KIND, REMEDY};
use crate::decode::color::{AlphaMode, ColorModel};
use crate::decode::metadata::ifd::{self, Ifd};
use crate::error::Error;

/// Most samples of a pixel with undeclared extra samples.
const MAX_SAMPLES: u16 = 8;

/// The meaning of a page's samples, once decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct SampleFormat {
    pub(super) model: ColorModel,
    /// Alpha is the first sample after the colors.
    pub(super) alpha: AlphaMode,
    /// Samples per pixel.
    pub(super) samples: usize,
    /// Whether colors are luma and chroma instead of RGB.
    pub(super) is_ycbcr: bool,
    /// Bits per sample: 8 or 16, or, for gray without alpha, packed 1, 2 or 4.
    pub(super) depth: u8,
}

impl SampleFormat {
    /// Determines the format, or why it is not supported.
    pub(super) fn detect(color: &ColorType, ifd: &Ifd<'_>) -> Result<Self, Error> {
        let extra = extra_sample(ifd);
        // By convention, an undeclared sample after the colors is alpha.
        let alpha = if extra == AlphaMode::Opaque { AlphaMode::Straight } else { extra };
        let opaque = AlphaMode::Opaque;
        let new = |model, alpha, samples, depth| Self { model, alpha, samples, is_ycbcr: false, depth };
        let format = match *color {
            ColorType::Gray(depth) => new(ColorModel::Gray, opaque, 1, depth),
            ColorType::GrayA(depth) => new(ColorModel::Gray, alpha, 2, depth),
            ColorType::Multiband { bit_depth, num_samples } if num_samples <= MAX_SAMPLES => {
                new(ColorModel::Gray, extra, num_samples.into(), bit_depth)
            }
            ColorType::RGB(depth) => new(ColorModel::Rgb, opaque, 3, depth),
            ColorType::RGBA(depth) => new(ColorModel::Rgb, alpha, 4, depth),
            ColorType::CMYK(depth) => new(ColorModel::Cmyk, opaque, 4, depth),
            ColorType::CMYKA(depth) => new(ColorModel::Cmyk, alpha, 5, depth),
            ColorType::YCbCr(depth) => Self { is_ycbcr: true, ..new(ColorModel::Rgb, opaque, 3, depth) },
            ColorType::Palette(_) => return Err(Error::unsupported(KIND, "indexed colors", REMEDY)),
            ColorType::Lab(_) => return Err(Error::unsupported(KIND, "Lab colors", REMEDY)),
            _ => return Err(Error::unsupported(KIND, "an uncommon color model", REMEDY)),
        };
        let is_packed_gray = format.samples == 1 && matches!(format.depth, 1 | 2 | 4);
        if !is_packed_gray && !matches!(format.depth, 8 | 16) || format.is_ycbcr && format.depth != 8 {
            return Err(Error::unsupported(KIND, format!("{} bits per sample", format.depth), REMEDY));
        }
        Ok(format)
    }

    pub(super) fn bytes_per_pixel(&self) -> u8 {
        (self.samples as u8).saturating_mul(self.depth.div_ceil(8))
    }
}

/// How the first sample after the colors is declared (TIFF 6.0, section 18).
fn extra_sample(ifd: &Ifd<'_>) -> AlphaMode {
    const ASSOCIATED_ALPHA: u64 = 1;
    const UNASSOCIATED_ALPHA: u64 = 2;
    match ifd.integer(ifd::EXTRA_SAMPLES) {
        Some(ASSOCIATED_ALPHA) => AlphaMode::Premultiplied,
        Some(UNASSOCIATED_ALPHA) => AlphaMode::Straight,
        _ => AlphaMode::Opaque,
    }
}
