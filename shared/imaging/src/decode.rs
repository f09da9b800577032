//! From the bytes of a file to an upright photograph. Nothing about the bytes is believed: the kind is told
//! by content, and the size is checked before anything is decoded.

mod avif;
mod chunks;
mod color;
mod gif;
mod icc;
mod jpeg;
mod markers;
mod meta;
mod psd;
mod raster;
mod riff;
mod svg;
mod tiff;
mod xml;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cutline_core::domain::kind::ImageKind;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};

use crate::error::{Cause, Error};
use crate::photo::{ImageMetadata, Photo};

/// What a photograph may need.
///
/// The file is held in memory as a whole, and beside it, at most at once, per pixel: of a JPEG 6 bytes (7 if it is
/// CMYK, and of a progressive one 9 and 12), of a PNG or TIFF what the file has (up to 8, with more samples than are
/// read up to 16) and 4 for the result, of a WebP 10 (animated 12), of a GIF 8, of an AVIF 4.5 (8 bits, 4:2:0) to 12 (10
/// bits, 4:4:4, alpha), of a PSD 4 to 14, and of an SVG 8, with all layers and patterns that are held at once within
/// `max_alloc`.
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

/// Decodes a picture of any [kind](ImageKind), turned upright as the file says, its colors converted to sRGB from
/// the space that its ICC profile describes. Of several frames or pages the first is read, and of a PSD what it looks
/// like as a whole. What was lost or assumed stands in [`ImageMetadata::warnings`].
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::UnsupportedForm`],
/// [`Error::TooManyPixels`], [`Error::SideTooLong`], [`Error::TooMuchMemory`], [`Error::Damaged`]; the last
/// one also for a file that ends early, even if some of the picture could be shown. A JPEG that ends early
/// but was closed with the mark of its end is not told from a whole one: what it lacks is gray.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let kind = ImageKind::sniff(bytes).ok_or(Error::UnknownKind)?;
    let decoder = match kind {
        ImageKind::Jpeg => jpeg::decode,
        ImageKind::Png => raster::decode_png,
        ImageKind::Webp => raster::decode_webp,
        ImageKind::Gif => gif::decode,
        ImageKind::Avif => avif::decode,
        ImageKind::Tiff => tiff::decode,
        ImageKind::Psd => psd::decode,
        ImageKind::Svg => svg::decode,
    };
    guarded(kind, || decoder(bytes, limits))
}

/// Width and height of the picture in a file as they are stored, before it is turned upright. Reads the
/// header alone and holds it to no limits. An SVG has no pixels; of it this is the size that it would be drawn at, for
/// which it has to be read as a whole.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::UnsupportedForm`], [`Error::Damaged`].
pub fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let kind = ImageKind::sniff(bytes).ok_or(Error::UnknownKind)?;
    let reader = match kind {
        ImageKind::Jpeg => jpeg::dimensions,
        ImageKind::Png => raster::png_dimensions,
        ImageKind::Webp => raster::webp_dimensions,
        ImageKind::Gif => gif::dimensions,
        ImageKind::Avif => avif::dimensions,
        ImageKind::Tiff => tiff::dimensions,
        ImageKind::Psd => psd::dimensions,
        ImageKind::Svg => svg::dimensions,
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

fn unsupported(kind: ImageKind, remedy: &'static str, source: impl Into<Cause>) -> Error {
    Error::UnsupportedForm { kind, remedy, source: source.into() }
}

/// Colors, and alpha if there is any.
type Converted = (RgbImage, Option<GrayImage>);

/// The photograph of a converted picture, turned upright.
fn finish(
    kind: ImageKind,
    picture: Converted,
    orientation: Orientation,
    metadata: ImageMetadata,
) -> Result<Photo, Error> {
    finish_turned(kind, picture, &[orientation], metadata)
}

/// The photograph of a converted picture after some turns, one after the other.
fn finish_turned(
    kind: ImageKind,
    (mut color, mut alpha): Converted,
    turns: &[Orientation],
    metadata: ImageMetadata,
) -> Result<Photo, Error> {
    for turn in turns.iter().filter(|turn| **turn != Orientation::NoTransforms) {
        let mut picture = DynamicImage::ImageRgb8(color);
        picture.apply_orientation(*turn);
        color = picture.into_rgb8();
        alpha = alpha.map(|alpha| {
            let mut picture = DynamicImage::ImageLuma8(alpha);
            picture.apply_orientation(*turn);
            picture.into_luma8()
        });
    }
    let photo = match alpha {
        None => Some(Photo::opaque(color)),
        Some(alpha) => Photo::with_alpha(color, alpha),
    };
    Ok(photo.ok_or_else(|| damaged(kind, "alpha has another size"))?.with_metadata(metadata))
}
