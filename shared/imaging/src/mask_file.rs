//! A mask that comes as a file of its own: white is kept, and black is cut away. Its numbers count as they are stored,
//! whatever color profile it has: they are shares of a pixel rather than colors. A mask with transparency is taken for a
//! cut-out, whose alpha counts instead.

use cutline_core::domain::kind::ImageKind;
use image::{GrayImage, imageops};

use crate::decode::{self, Limits};
use crate::error::Error;
use crate::photo::Photo;

/// A decoded mask, upright.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MaskFile {
    /// 0 is cut away, 255 is kept.
    pub(crate) matte: GrayImage,
    /// Losses and assumptions when it was decoded, each as a sentence.
    pub(crate) warnings: Vec<String>,
}

/// Reads the mask of a picture of this upright size. The file is untrusted.
///
/// # Errors
/// Those of [`decode::decode_shares`], and [`Error::UnsupportedFeature`] for an SVG: it has no pixels. [`Error::MaskMismatch`] if the
/// mask has another size; by its header alone, if it would have that size however it was turned.
pub(crate) fn read(file: &[u8], picture: (u32, u32), limits: &Limits) -> Result<MaskFile, Error> {
    if ImageKind::sniff(file) == Some(ImageKind::Svg) {
        return Err(Error::unsupported(ImageKind::Svg, "a drawing as a mask", "send the mask as PNG"));
    }
    let stored = decode::dimensions(file)?;
    if stored != picture && stored != (picture.1, picture.0) {
        return Err(Error::MaskMismatch { mask: stored, picture });
    }
    let mask = decode::decode_shares(file, limits)?;
    if mask.dimensions() != picture {
        return Err(Error::MaskMismatch { mask: mask.dimensions(), picture });
    }
    let warnings = mask.metadata().warnings.clone();
    Ok(MaskFile { matte: matte(mask), warnings })
}

fn matte(mask: Photo) -> GrayImage {
    match mask.alpha() {
        Some(alpha) => alpha.clone(),
        None => imageops::grayscale(mask.color()),
    }
}
