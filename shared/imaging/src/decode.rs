//! From the bytes of a file to an upright photograph. Nothing about the bytes is believed: the kind is told
//! by content, and the size is checked before anything is decoded.

mod colour;
mod jpeg;
mod markers;
mod orientation;
mod raster;
mod riff;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cutline_core::kind::ImageKind;

use crate::error::{Cause, Error};
use crate::photo::Photo;

/// What a photograph may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels, by the file's header.
    pub max_pixels: u64,
    /// The longest side in pixels, by the file's header. A picture of one row has few pixels and may still need
    /// much: what making it smaller takes grows with its longer side alone.
    pub max_side: u32,
    /// The most memory in bytes for the decoded picture as the file has it (a pixel of 16-bit RGBA takes
    /// eight bytes). What the decoder of a PNG takes for rows and metadata is held to this too, and to a
    /// lower limit of its own.
    pub max_alloc: u64,
}

impl Limits {
    /// Checks a header: its size in pixels and how many bytes a decoded pixel takes.
    fn check(&self, width: u32, height: u32, bytes_a_pixel: u8) -> Result<(), Error> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return Err(Error::TooManyPixels { width, height, max_pixels: self.max_pixels });
        }
        if width.max(height) > self.max_side {
            return Err(Error::SideTooLong { width, height, max_side: self.max_side });
        }
        if pixels * u64::from(bytes_a_pixel) > self.max_alloc {
            return Err(Error::TooMuchMemory);
        }
        Ok(())
    }
}

impl Default for Limits {
    /// 50 megapixels, which in 16-bit RGBA take 400 MB, and the longest side that a JPEG can have.
    fn default() -> Self {
        Self { max_pixels: 50_000_000, max_side: u16::MAX.into(), max_alloc: 512 << 20 }
    }
}

/// Decodes a JPEG, a PNG or the first frame of a WebP, turned upright as its Exif data says,
/// its colours converted to sRGB from the space that its ICC profile describes.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::UnsupportedKind`], [`Error::UnsupportedForm`],
/// [`Error::TooManyPixels`], [`Error::SideTooLong`], [`Error::TooMuchMemory`], [`Error::Damaged`]; the last
/// one also for a file that ends early, even if some of the picture could be shown. A JPEG that ends early
/// but was closed with the mark of its end is not told from a whole one: what it lacks is grey.
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
