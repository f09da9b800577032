//! PNG and WebP, by the `image` crate.

use std::io::Cursor;

use cutline_core::domain::kind::ImageKind;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, RgbImage};

use super::color::{Alpha, Conversion, Model, Sample, Told};
use super::meta::Sources;
use super::{Limits, chunks, damaged, finish, riff, unsupported};
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

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
    let found = chunks::walk(bytes);
    let xmp = found.xmp.as_deref();
    let sources = Sources { xmp, ..found.sources };
    let told = match found.cicp {
        Some(cicp) => Told::Cicp(cicp),
        None => profile.as_deref().into(),
    };
    let mut photo = decode(ImageKind::Png, decoder, limits, &sources, told)?;
    if found.animated {
        photo = photo.warned("Only the first frame of the animation was read.");
    }
    Ok(photo)
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
    let sources = Sources { exif: webp.exif, xmp: webp.xmp, ..Sources::default() };
    let photo = decode(ImageKind::Webp, decoder, limits, &sources, webp.profile.into())?;
    Ok(if webp.frames > 1 { photo.warned("Only the first frame of the animation was read.") } else { photo })
}

fn decode(
    kind: ImageKind,
    decoder: impl ImageDecoder,
    limits: &Limits,
    sources: &Sources<'_>,
    told: Told<'_>,
) -> Result<Photo, Error> {
    let (width, height) = decoder.dimensions();
    limits.check(width, height, decoder.color_type().bytes_per_pixel())?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| fault(kind, error))?;
    let mut metadata = sources.metadata();
    let picture = match picture {
        DynamicImage::ImageRgb8(mut color) => {
            Conversion::<u8>::new(Model::Rgb, told, &mut metadata).in_place(&mut color);
            return finish(kind, (color, None), sources.orientation(), metadata);
        }
        picture => picture,
    };
    let size = (width, height);
    let converted = match &picture {
        DynamicImage::ImageLuma8(image) => convert::<u8, 1>(image.as_raw(), size, Model::Gray, told, &mut metadata),
        DynamicImage::ImageLumaA8(image) => convert::<u8, 2>(image.as_raw(), size, Model::Gray, told, &mut metadata),
        DynamicImage::ImageRgba8(image) => convert::<u8, 4>(image.as_raw(), size, Model::Rgb, told, &mut metadata),
        DynamicImage::ImageLuma16(image) => convert::<u16, 1>(image.as_raw(), size, Model::Gray, told, &mut metadata),
        DynamicImage::ImageLumaA16(image) => convert::<u16, 2>(image.as_raw(), size, Model::Gray, told, &mut metadata),
        DynamicImage::ImageRgb16(image) => convert::<u16, 3>(image.as_raw(), size, Model::Rgb, told, &mut metadata),
        DynamicImage::ImageRgba16(image) => convert::<u16, 4>(image.as_raw(), size, Model::Rgb, told, &mut metadata),
        _ => return Err(damaged(kind, "the decoder gave samples of a kind that the format does not have")),
    };
    drop(picture);
    finish(kind, converted, sources.orientation(), metadata)
}

/// Converts pixels of `N` samples, of which the last is alpha if there is one more than the model has.
pub(super) fn convert<T: Sample, const N: usize>(
    samples: &[T],
    size: (u32, u32),
    model: Model,
    told: Told<'_>,
    metadata: &mut ImageMetadata,
) -> (RgbImage, Option<GrayImage>) {
    let (colors, across) = (model.samples(), size.0 as usize * N);
    let conversion = Conversion::<T>::new(model, told, metadata);
    let stored = if N > colors { Alpha::Straight } else { Alpha::None };
    conversion.run(size, stored, |y, row, alpha| {
        let from = &samples[y * across..][..across];
        if N == colors {
            row.copy_from_slice(from);
            return;
        }
        for ((from, to), alpha) in from.chunks_exact(N).zip(row.chunks_exact_mut(colors)).zip(alpha) {
            to.copy_from_slice(&from[..colors]);
            *alpha = from[colors];
        }
    })
}

fn fault(kind: ImageKind, error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => Error::TooMuchMemory,
        ImageError::Unsupported(_) => unsupported(kind, "save it again in the usual form", error),
        _ => damaged(kind, error),
    }
}
