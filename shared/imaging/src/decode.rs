//! From a file's bytes to an upright sRGB photo.
//!
//! The bytes are untrusted. The kind is detected by content, the size is checked before anything is decoded, and
//! wherever a decoder takes time or memory by a number that the file states, that number is checked first. A panic in
//! a decoder becomes an error.
//!
//! Not here: fetching files, and their size in bytes, which callers limit.

mod avif;
mod bitmap;
mod catch_panic;
mod color;
mod differences;
mod gif;
mod jpeg;
mod limits;
mod metadata;
mod packbits;
mod png;
mod psd;
mod raster;
mod stored;
mod svg;
mod tiff;
mod upright;
mod webp;
mod xml;

use cutline_core::domain::fidelity::{ColorSpace, Fidelity};
use cutline_core::domain::kind::ImageKind;
use image::metadata::Orientation;

use self::color::TargetColors;
use crate::error::Error;
use crate::photo::Photo;

pub use self::limits::Limits;
pub(crate) use self::metadata::ifd;
pub use self::stored::StoredRaster;
pub(crate) use self::stored::{StoredResources, stored_size};

/// Decodes an image of any [kind](ImageKind) into an upright photo with sRGB colors.
///
/// Colors are converted from the file's ICC profile or code points, and the image is turned by the file's orientation.
/// Of several frames the first that shows something is used, of several pages the largest, of a PSD the merged image. Anything lost or assumed is reported in
/// [`ImageMetadata::warnings`](crate::ImageMetadata::warnings).
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::ForeignKind`]; [`Error::UnsupportedFeature`]; [`Error::TooManyPixels`], [`Error::SideTooLong`] and
/// [`Error::TooMuchMemory`] by `limits`; [`Error::Damaged`], [`Error::DecoderPanicked`] and [`Error::Truncated`], the
/// last even if part of the image could be shown. Only one truncated file decodes: a JPEG whose end-of-image marker was
/// put back after the cut. Its missing part is gray.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    match ImageKind::sniff(bytes).ok_or_else(|| Error::unknown_kind(bytes))? {
        ImageKind::Svg => svg::decode(bytes, limits),
        kind => bitmap::decode(kind, bytes, limits, TargetColors::Srgb),
    }
}

/// Decodes an image as [`decode()`] does, and in addition the colors that its most faithful file holds, if those differ from
/// 8-bit sRGB.
///
/// # Errors
/// Those of [`decode()`]; [`Error::UnsupportedFeature`] for inks whose color space is to be kept.
pub(crate) fn decode_faithful(bytes: &[u8], limits: &Limits, fidelity: Fidelity) -> Result<Photo, Error> {
    let kind = ImageKind::sniff(bytes).ok_or_else(|| Error::unknown_kind(bytes))?;
    if kind == ImageKind::Svg {
        // A drawing is sRGB by its standard, and is drawn in 8 bits.
        return Ok(svg::decode(bytes, limits)?.with_srgb_in(fidelity));
    }
    let photo = bitmap::decode(kind, bytes, limits, TargetColors::Faithful(fidelity))?;
    if fidelity.color == ColorSpace::Keep && photo.native().is_none() {
        let remedy = "send color=srgb, or output_format=original to get the file itself with a clipping path";
        return Err(Error::unsupported(kind, "CMYK with color=keep", remedy));
    }
    Ok(photo)
}

/// Decodes a bitmap whose samples are shares of a pixel rather than colors. As [`decode()`], but gray and RGB are the numbers
/// that the file stores, in 8 bits: no profile, gamma or code points are applied. Luma and chroma become RGB, and
/// premultiplied samples straight ones.
///
/// # Errors
/// Those of [`decode()`]; [`Error::UnsupportedFeature`] for CMYK, as it depends on the press which inks make black; and
/// [`Error::UnknownKind`] for SVG, which has no pixels.
pub(crate) fn decode_shares(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let kind = ImageKind::sniff(bytes).ok_or_else(|| Error::unknown_kind(bytes))?;
    let photo = bitmap::decode(kind, bytes, limits, TargetColors::AsStored)?;
    // Nothing but inks is converted.
    if photo.metadata().converted_from.is_some() {
        return Err(Error::unsupported(kind, "a mask of inks", "save the mask as grayscale"));
    }
    Ok(photo)
}

/// Width and height of a file's image in pixels as stored, before it is turned upright.
///
/// Reads the header only and applies no limits. An SVG has no pixels: its size is the size at which it would be drawn,
/// and finding that takes parsing the whole file.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::ForeignKind`], [`Error::UnsupportedFeature`], [`Error::Truncated`], [`Error::Damaged`],
/// [`Error::DecoderPanicked`].
pub fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    match ImageKind::sniff(bytes).ok_or_else(|| Error::unknown_kind(bytes))? {
        ImageKind::Svg => svg::dimensions(bytes),
        kind => bitmap::dimensions(kind, bytes),
    }
}

/// How a JPEG, TIFF or PSD stores its picture. Other kinds report no orientation.
///
/// # Errors
/// [`Error::UnknownKind`]; [`Error::Damaged`] for a TIFF without a directory.
pub fn stored_raster(bytes: &[u8]) -> Result<StoredRaster, Error> {
    match ImageKind::sniff(bytes).ok_or(Error::UnknownKind)? {
        ImageKind::Jpeg => Ok(StoredRaster { orientation: jpeg::orientation(bytes), page: 0 }),
        ImageKind::Tiff => tiff::stored_raster(bytes),
        _ => Ok(StoredRaster { orientation: Orientation::NoTransforms, page: 0 }),
    }
}

/// Photoshop's resources of a JPEG's, TIFF's or PSD's picture; `None` if the file has none or cannot be read, and for other
/// kinds.
pub(crate) fn resources(kind: ImageKind, bytes: &[u8]) -> Option<StoredResources<'_>> {
    match kind {
        ImageKind::Jpeg => jpeg::resources(bytes),
        ImageKind::Tiff => tiff::resources(bytes),
        ImageKind::Psd => psd::resources(bytes),
        ImageKind::Png | ImageKind::Webp | ImageKind::Gif | ImageKind::Avif | ImageKind::Svg => None,
    }
}
