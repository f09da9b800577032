//! From a file's bytes to an upright sRGB photo.
//!
//! The bytes are untrusted. The kind is detected by content, the size is checked before anything is decoded, and
//! wherever a decoder takes time or memory by a number that the file states, that number is checked first. A panic in
//! a decoder becomes an error.
//!
//! Not here: fetching files, and their size in bytes, which callers limit.

mod animation;
mod avif;
mod bitmap;
mod catch_panic;
mod color;
mod decoding;
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

use cutline_core::domain::kind::ImageKind;
use image::metadata::Orientation;

use self::catch_panic::catch_panic;
use crate::error::Error;
use crate::photo::Photo;

pub use self::avif::{HeicDecoder, HeicFault, HeicPixels};
pub(crate) use self::color::inks_in_srgb;
pub use self::decoding::Decoding;
pub use self::limits::Limits;
pub use self::metadata::kept::Kept;
pub(crate) use self::metadata::{Edit, Packet, escaped, ifd};
pub use self::psd::LayerMask;
pub use self::stored::StoredRaster;
pub(crate) use self::stored::{StoredResources, stored_size};

/// Decodes an image of any [kind](ImageKind) into an upright photo with sRGB colors.
///
/// Colors are converted from the file's ICC profile or code points, and the image is turned by the file's orientation.
/// Of several frames the first that shows something is used, of several pages the largest, of a PSD the merged image. Anything lost or assumed is reported in
/// [`ImageMetadata::warnings`](crate::ImageMetadata::warnings).
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::ForeignKind`]; [`Error::NoHeicDecoder`] for HEIC, which takes a [`Decoding`] with one;
/// [`Error::UnsupportedFeature`]; [`Error::TooManyPixels`], [`Error::SideTooLong`] and
/// [`Error::TooMuchMemory`] by `limits`; [`Error::Damaged`], [`Error::DecoderPanicked`] and [`Error::Truncated`], the
/// last even if part of the image could be shown. Only one truncated file decodes: a JPEG whose end-of-image marker was
/// put back after the cut. Its missing part is gray.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    Decoding::within(*limits).decode(bytes)
}

/// The mask of a PSD's layers, as a mask for its whole canvas: that of the layer `Subject`, or else of the only visible
/// layer or group with one. Of other kinds none is read.
///
/// # Errors
/// [`Error::UnsupportedFeature`] if the mask is disabled, has a density or a feather, or lies in a group with a mask, or if
/// several layers are named `Subject`; [`Error::Truncated`], [`Error::Damaged`], [`Error::DecoderPanicked`]; those of
/// `limits`.
pub fn layer_mask(bytes: &[u8], limits: &Limits) -> Result<LayerMask, Error> {
    match ImageKind::sniff(bytes) {
        Some(kind @ ImageKind::Psd) => catch_panic(kind, || psd::layer_mask(bytes, limits)),
        Some(_) | None => Ok(LayerMask::None),
    }
}

/// All metadata of an image, for pictures that keep them, with a sentence about each part that cannot be kept. An SVG has
/// none, and neither has a file that cannot be decoded.
pub fn source_metadata(bytes: &[u8]) -> Kept {
    ImageKind::sniff(bytes).map(|kind| bitmap::source_metadata(kind, bytes)).unwrap_or_default()
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

/// The [`dimensions`] of an image that is decoded; `None` if its header cannot be read or promises more than `limits` allow,
/// so that nothing of it is decoded.
pub(crate) fn decoded_dimensions(bytes: &[u8], limits: &Limits) -> Option<(u32, u32)> {
    dimensions(bytes).ok().filter(|size| limits.check_size(*size).is_ok())
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
        ImageKind::Png | ImageKind::Webp | ImageKind::Gif | ImageKind::Avif | ImageKind::Svg | ImageKind::Heic => None,
    }
}
