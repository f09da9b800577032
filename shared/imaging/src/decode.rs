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
mod gif;
mod jpeg;
mod limits;
mod metadata;
mod png;
mod psd;
mod raster;
mod svg;
mod tiff;
mod upright;
mod webp;
mod xml;

use cutline_core::domain::kind::ImageKind;

use crate::error::Error;
use crate::photo::Photo;

pub use self::limits::Limits;

/// Decodes an image of any [kind](ImageKind) into an upright photo with sRGB colors.
///
/// Colors are converted from the file's ICC profile or code points, and the image is turned by the file's orientation.
/// Of several frames or pages the first is used, of a PSD the merged image. Anything lost or assumed is reported in
/// [`ImageMetadata::warnings`](crate::ImageMetadata::warnings).
///
/// # Errors
/// [`Error::UnknownKind`]; [`Error::UnsupportedFeature`]; [`Error::TooManyPixels`], [`Error::SideTooLong`] and
/// [`Error::TooMuchMemory`] by `limits`; [`Error::Damaged`], [`Error::DecoderPanicked`] and [`Error::Truncated`], the
/// last even if part of the image could be shown. Only one truncated file decodes: a JPEG whose end-of-image marker was
/// put back after the cut. Its missing part is gray.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    match ImageKind::sniff(bytes).ok_or(Error::UnknownKind)? {
        ImageKind::Svg => svg::decode(bytes, limits),
        kind => bitmap::decode(kind, bytes, limits),
    }
}

/// Width and height of a file's image in pixels as stored, before it is turned upright.
///
/// Reads the header only and applies no limits. An SVG has no pixels: its size is the size at which it would be drawn,
/// and finding that takes parsing the whole file.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::UnsupportedFeature`], [`Error::Truncated`], [`Error::Damaged`],
/// [`Error::DecoderPanicked`].
pub fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    match ImageKind::sniff(bytes).ok_or(Error::UnknownKind)? {
        ImageKind::Svg => svg::dimensions(bytes),
        kind => bitmap::dimensions(kind, bytes),
    }
}
