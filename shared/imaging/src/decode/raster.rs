//! PNG and WebP, by the `image` crate.

use std::io::Cursor;

use cutline_core::kind::ImageKind;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, RgbImage};

use super::{Limits, colour, damaged, orientation};
use crate::error::Error;
use crate::photo::Photo;

pub(super) fn decode_png(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(limits.max_alloc);
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), allowed).map_err(|error| fault(ImageKind::Png, error))?;
    decode(ImageKind::Png, decoder, limits, orientation::of_exif(orientation::png_exif(bytes)))
}

pub(super) fn png_dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(PngDecoder::new(Cursor::new(bytes)).map_err(|error| fault(ImageKind::Png, error))?.dimensions())
}

pub(super) fn webp_dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(WebPDecoder::new(Cursor::new(bytes)).map_err(|error| fault(ImageKind::Webp, error))?.dimensions())
}

/// The first frame, where there are several.
pub(super) fn decode_webp(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let lift = |error| fault(ImageKind::Webp, error);
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(lift)?;
    let exif = decoder.exif_metadata().map_err(lift)?;
    decode(ImageKind::Webp, decoder, limits, orientation::of_exif(exif.as_deref()))
}

fn decode(
    kind: ImageKind,
    mut decoder: impl ImageDecoder,
    limits: &Limits,
    orientation: Orientation,
) -> Result<Photo, Error> {
    let (width, height) = decoder.dimensions();
    limits.check(width, height, decoder.color_type().bytes_per_pixel())?;
    let profile = decoder.icc_profile().map_err(|error| fault(kind, error))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| fault(kind, error))?;
    picture.apply_orientation(orientation);
    let (mut colour, alpha) = split(picture);
    colour::to_srgb(&mut colour, profile.as_deref());
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
