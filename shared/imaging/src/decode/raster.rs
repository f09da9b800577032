//! PNG and WebP, by the `image` crate.

use std::io::Cursor;

use cutline_core::kind::ImageKind;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, RgbImage};

use super::{Limits, colour, damaged, orientation, riff};
use crate::error::Error;
use crate::photo::Photo;

/// The most memory in bytes that the decoder of a PNG may take beside its pixels: for a row, for texts, for the
/// profile. It is what the `png` crate allows itself. Profiles have some kilobytes; one that is larger than
/// this once it is inflated is ignored like one that cannot be read.
const PNG_TABLES: u64 = 64 << 20;

pub(super) fn decode_png(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let lift = |error| fault(ImageKind::Png, error);
    // The decoder reads, and inflates, what stands before the pixels as soon as it is made.
    let (width, height) = png_dimensions(bytes)?;
    limits.check(width, height, 1)?;
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(limits.max_alloc.min(PNG_TABLES));
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), allowed).map_err(lift)?;
    let profile = decoder.icc_profile().map_err(lift)?;
    let orientation = orientation::of_exif(orientation::png_exif(bytes));
    decode(ImageKind::Png, decoder, limits, orientation, profile.as_deref())
}

/// Read without the decoder, which would read on to the pixels.
pub(super) fn png_dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    // The signature, then the header's chunk: length, type, width, height.
    let size = bytes.strip_prefix(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR").and_then(|header| header.first_chunk::<8>());
    let [a, b, c, d, height @ ..] = size.ok_or_else(|| damaged(ImageKind::Png, "there is no header"))?;
    let (width, height) = (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes(*height));
    if width == 0 || height == 0 {
        return Err(damaged(ImageKind::Png, "the picture is empty"));
    }
    Ok((width, height))
}

pub(super) fn webp_dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(riff::walk(bytes)?.size)
}

/// The first frame, where there are several.
pub(super) fn decode_webp(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let webp = riff::walk(bytes)?;
    let (width, height) = webp.size;
    limits.check(width, height, 1)?;
    let decoder = WebPDecoder::new(Cursor::new(webp.file)).map_err(|error| fault(ImageKind::Webp, error))?;
    decode(ImageKind::Webp, decoder, limits, orientation::of_exif(webp.exif), webp.profile)
}

fn decode(
    kind: ImageKind,
    decoder: impl ImageDecoder,
    limits: &Limits,
    orientation: Orientation,
    profile: Option<&[u8]>,
) -> Result<Photo, Error> {
    let (width, height) = decoder.dimensions();
    limits.check(width, height, decoder.color_type().bytes_per_pixel())?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| fault(kind, error))?;
    picture.apply_orientation(orientation);
    let (mut colour, alpha) = split(picture);
    colour::to_srgb(&mut colour, profile);
    match alpha {
        None => Ok(Photo::opaque(colour)),
        Some(alpha) => Photo::with_alpha(colour, alpha).ok_or_else(|| damaged(kind, "alpha has another size")),
    }
}

/// Colours and alpha apart, eight bits each.
fn split(picture: DynamicImage) -> (RgbImage, Option<GrayImage>) {
    if !picture.color().has_alpha() {
        return (picture.into_rgb8(), None);
    }
    let rgba = picture.into_rgba8();
    let (width, height) = rgba.dimensions();
    let mut colour = RgbImage::new(width, height);
    let mut alpha = GrayImage::new(width, height);
    for ((from, colour), alpha) in rgba.pixels().zip(colour.pixels_mut()).zip(alpha.iter_mut()) {
        let [red, green, blue, opacity] = from.0;
        colour.0 = [red, green, blue];
        *alpha = opacity;
    }
    (colour, Some(alpha))
}

fn fault(kind: ImageKind, error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => Error::TooMuchMemory,
        ImageError::Unsupported(_) => Error::UnsupportedForm { kind, source: error.into() },
        _ => damaged(kind, error),
    }
}
