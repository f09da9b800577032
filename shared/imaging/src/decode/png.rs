//! PNG, decoded by the `image` crate.

mod chunks;

use std::io::Cursor;

use cutline_core::domain::kind::ImageKind;
use image::codecs::png::PngDecoder;
use image::{AnimationDecoder as _, ImageDecoder, ImageError};

use self::chunks::Ancillary;
use super::animation::{FrameSource, Frames};
use super::color::{ColorEncoding, TargetColors};
use super::limits::Limits;
use super::metadata::kept::Kept;
use super::raster::{self, Description};
use crate::error::Error;
use crate::photo::Photo;

const KIND: ImageKind = ImageKind::Png;

/// Most bytes that the decoder may take in addition to the pixels: for a row, texts and the profile. It is the `png`
/// crate's own default. Profiles have a few kilobytes; one that is larger than this when inflated is ignored, like one
/// that is damaged.
const MAX_DECODER_BUFFERS: u64 = 64 << 20;

pub(super) fn decode(bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let decoder_error = |error: ImageError| raster::decoder_error(KIND, error);
    // Creating the decoder already reads and inflates everything before the pixels, so the size is checked first.
    limits.check(dimensions(bytes)?, 1)?;
    let mut decoder_limits = image::Limits::no_limits();
    decoder_limits.max_alloc = Some(limits.max_alloc.min(MAX_DECODER_BUFFERS));
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), decoder_limits).map_err(decoder_error)?;
    let profile = decoder.icc_profile().map_err(decoder_error)?;
    let ancillary = chunks::read(bytes);
    let task = color_encoding(&ancillary, profile.as_deref()).towards(target);
    let frames = || animation_frames(bytes, limits);
    let frames: Option<FrameSource<'_>> = if ancillary.animated { Some(&frames) } else { None };
    let description = Description { sources: ancillary.sources, task, frames };
    raster::decode(KIND, decoder, limits, &description)
}

/// The frames of an animation. Those of 16 bits are not supported.
fn animation_frames<'a>(bytes: &'a [u8], limits: &Limits) -> Option<Frames<'a>> {
    let mut decoder_limits = image::Limits::no_limits();
    decoder_limits.max_alloc = Some(limits.max_alloc);
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), decoder_limits).ok()?;
    Some(Box::new(decoder.apng().ok()?.into_frames()))
}

/// All metadata of the file.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    chunks::read(bytes).sources.kept()
}

/// The description that takes precedence over the others (PNG, third edition, section 4.3).
fn color_encoding<'a>(ancillary: &Ancillary<'_>, profile: Option<&'a [u8]>) -> ColorEncoding<'a> {
    match (ancillary.cicp, profile) {
        (Some(cicp), _) => ColorEncoding::Cicp(cicp),
        (None, Some(profile)) => ColorEncoding::Icc(profile),
        (None, None) if ancillary.is_srgb => ColorEncoding::Srgb,
        (None, None) => ancillary.calibration().map_or(ColorEncoding::Unspecified, ColorEncoding::Calibrated),
    }
}

/// Reads the size without the decoder, which would read on to the pixels.
pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    // The signature, then the header chunk: length, type, width, height.
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR").and_then(|header| header.first_chunk::<8>());
    let [a, b, c, d, height @ ..] = header.ok_or_else(|| Error::damaged(KIND, "the header is missing"))?;
    let (width, height) = (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes(*height));
    if width == 0 || height == 0 {
        return Err(Error::damaged(KIND, "the image is empty"));
    }
    Ok((width, height))
}
