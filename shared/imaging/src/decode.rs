//! From the bytes of a file to an upright photograph. Nothing about the bytes is believed: the kind is told
//! by content, and the size is checked before anything is decoded.

mod colour;
mod jpeg;
mod orientation;
mod raster;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cutline_core::kind::ImageKind;

use crate::error::{Cause, Error};
use crate::photo::Photo;

/// What a photograph may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels, by the file's header.
    pub max_pixels: u64,
    /// The most memory in bytes for the decoded picture as the file has it (a pixel of 16-bit RGBA takes
    /// eight bytes), and for a decoder's own tables.
    pub max_alloc: u64,
}

impl Limits {
    /// Checks a header: its size in pixels and how many bytes a decoded pixel takes.
    fn check(&self, width: u32, height: u32, bytes_a_pixel: u8) -> Result<(), Error> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return Err(Error::TooManyPixels { width, height, max_pixels: self.max_pixels });
        }
        if pixels * u64::from(bytes_a_pixel) > self.max_alloc {
            return Err(Error::TooMuchMemory);
        }
        Ok(())
    }
}

impl Default for Limits {
    /// 50 megapixels, which in 16-bit RGBA take 400 MB.
    fn default() -> Self {
        Self { max_pixels: 50_000_000, max_alloc: 512 << 20 }
    }
}

/// Decodes a JPEG, a PNG or the first frame of a WebP, turned upright as its Exif data says,
/// its colours converted to sRGB from the space that its ICC profile describes.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::UnsupportedKind`], [`Error::UnsupportedForm`],
/// [`Error::TooManyPixels`], [`Error::TooMuchMemory`], [`Error::Damaged`]; the last one also for a file
/// that ends early, even if some of the picture could be shown.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let kind = ImageKind::sniff(bytes).ok_or(Error::UnknownKind)?;
    let decoder = match kind {
        ImageKind::Jpeg => jpeg::decode,
        ImageKind::Png => raster::decode_png,
        ImageKind::Webp => raster::decode_webp,
        ImageKind::Gif | ImageKind::Avif | ImageKind::Tiff | ImageKind::Psd | ImageKind::Svg => {
            return Err(Error::UnsupportedKind(kind));
        }
    };
    guarded(kind, || decoder(bytes, limits))
}

/// Width and height of the picture in a file as they are stored, before it is turned upright. Reads the
/// header alone and holds it to no limits.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::UnsupportedKind`], [`Error::UnsupportedForm`], [`Error::Damaged`].
pub fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let kind = ImageKind::sniff(bytes).ok_or(Error::UnknownKind)?;
    let reader = match kind {
        ImageKind::Jpeg => jpeg::dimensions,
        ImageKind::Png => raster::png_dimensions,
        ImageKind::Webp => raster::webp_dimensions,
        ImageKind::Gif | ImageKind::Avif | ImageKind::Tiff | ImageKind::Psd | ImageKind::Svg => {
            return Err(Error::UnsupportedKind(kind));
        }
    };
    guarded(kind, || reader(bytes))
}

/// A decoder that panics has met a file that its author did not think of. That is a damaged file like
/// others. Nothing is shared with the decoder, so nothing is left half changed.
fn guarded<T>(kind: ImageKind, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(damaged(kind, "the decoder panicked")))
}

fn damaged(kind: ImageKind, source: impl Into<Cause>) -> Error {
    Error::Damaged { kind, source: source.into() }
}
