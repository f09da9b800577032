//! GIF: the first frame, on the canvas.

use std::num::NonZeroU64;

use cutline_core::domain::kind::ImageKind;
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};

use super::color::Model;
use super::meta::Sources;
use super::{Limits, damaged, finish, raster};
use crate::error::Error;
use crate::photo::Photo;

/// What is kept of a pixel while the first frame is put on the canvas: both in four samples.
const BYTES_A_PIXEL: u8 = 8;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    // A signature of six bytes, then two sides.
    let size = bytes.get(6..).and_then(|rest| rest.first_chunk::<4>());
    let [a, b, c, d] = size.ok_or_else(|| damaged(ImageKind::Gif, "there is no header"))?;
    let (width, height) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
    if width == 0 || height == 0 {
        return Err(damaged(ImageKind::Gif, "the picture is empty"));
    }
    Ok((width.into(), height.into()))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let (width, height) = dimensions(bytes)?;
    limits.check(width, height, BYTES_A_PIXEL)?;
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.check_frame_consistency(true);
    options.set_memory_limit(NonZeroU64::new(limits.max_alloc).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(bytes).map_err(fault)?;
    let mut canvas = vec![0; width as usize * height as usize * 4];
    draw(&mut decoder, &mut canvas, width as usize)?;

    let (profile, xmp) = (decoder.icc_profile().map(<[u8]>::to_vec), decoder.xmp_metadata().map(<[u8]>::to_vec));
    // It keeps the frame.
    drop(decoder);
    let sources = Sources { xmp: xmp.as_deref(), ..Sources::default() };
    let mut metadata = sources.metadata();
    let told = profile.as_deref().into();
    let picture = raster::convert::<u8, 4>(&canvas, (width, height), Model::Rgb, told, &mut metadata);
    if has_more(bytes) {
        metadata.warnings.push("Only the first frame of the animation was read.".into());
    }
    finish(ImageKind::Gif, picture, sources.orientation(), metadata)
}

/// Puts the first frame on a canvas. Around it, and where it is transparent, there is nothing.
fn draw(decoder: &mut Decoder<&[u8]>, canvas: &mut [u8], across: usize) -> Result<(), Error> {
    let frame = decoder.read_next_frame().map_err(fault)?;
    let frame = frame.ok_or_else(|| damaged(ImageKind::Gif, "there is no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let width = usize::from(frame.width);
    if width == 0 || left + width > across {
        return Err(damaged(ImageKind::Gif, "the frame does not lie on the canvas"));
    }
    for (row, from) in frame.buffer.chunks_exact(width * 4).enumerate() {
        let to = canvas.get_mut(((top + row) * across + left) * 4..).and_then(|rest| rest.get_mut(..width * 4));
        let to = to.ok_or_else(|| damaged(ImageKind::Gif, "the frame does not lie on the canvas"))?;
        to.copy_from_slice(from);
    }
    Ok(())
}

/// Whether there is a second frame. Nothing of it is decoded.
fn has_more(bytes: &[u8]) -> bool {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let Ok(mut decoder) = options.read_info(bytes) else { return false };
    matches!(decoder.next_frame_info(), Ok(Some(_))) && matches!(decoder.next_frame_info(), Ok(Some(_)))
}

fn fault(error: DecodingError) -> Error {
    match error {
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => Error::TooMuchMemory,
        error => damaged(ImageKind::Gif, error),
    }
}
