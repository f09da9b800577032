//! GIF: the first frame, on the canvas.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::num::NonZeroU64;

use cutline_core::domain::kind::ImageKind;
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};

use super::color::ColorModel;
use super::limits::Limits;
use super::metadata::MetadataSources;
use super::raster;
use super::upright::upright;
use crate::error::Error;
use crate::photo::Photo;

const KIND: ImageKind = ImageKind::Gif;

/// Memory per pixel while the frame is copied to the canvas, both in RGBA.
const BYTES_PER_PIXEL: u8 = 8;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    // A signature of six bytes, then width and height.
    let size = bytes.get(6..).and_then(|rest| rest.first_chunk::<4>());
    let [a, b, c, d] = size.ok_or_else(|| Error::truncated(KIND))?;
    let (width, height) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
    if width == 0 || height == 0 {
        return Err(Error::damaged(KIND, "the image is empty"));
    }
    Ok((width.into(), height.into()))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let size = dimensions(bytes)?;
    limits.check(size, BYTES_PER_PIXEL)?;
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.check_frame_consistency(true);
    options.set_memory_limit(NonZeroU64::new(limits.max_alloc).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(bytes).map_err(decoder_error)?;
    let canvas = draw_frame(&mut decoder, size)?;

    let (profile, xmp) = (decoder.icc_profile().map(<[u8]>::to_vec), decoder.xmp_metadata().map(<[u8]>::to_vec));
    // Frees its copy of the frame.
    drop(decoder);
    let sources = MetadataSources { xmp: xmp.map(Cow::Owned), ..MetadataSources::default() };
    let mut metadata = sources.merge();
    let encoding = profile.as_deref().into();
    let image = raster::convert_samples::<u8, 4>(&canvas, size, ColorModel::Rgb, encoding, &mut metadata);
    if is_animated(bytes) {
        metadata.warnings.push(raster::FIRST_FRAME_ONLY.into());
    }
    upright(KIND, image, &[sources.orientation()], metadata)
}

/// Draws the first frame on a transparent canvas and returns its RGBA.
fn draw_frame(decoder: &mut Decoder<&[u8]>, (width, height): (u32, u32)) -> Result<Vec<u8>, Error> {
    let outside = || Error::damaged(KIND, "the frame lies outside the canvas");
    let columns = width as usize;
    let mut canvas = vec![0; columns * height as usize * 4];
    let frame = decoder.read_next_frame().map_err(decoder_error)?;
    let frame = frame.ok_or_else(|| Error::damaged(KIND, "it has no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let frame_columns = usize::from(frame.width);
    if frame_columns == 0 || left + frame_columns > columns {
        return Err(outside());
    }
    for (row, pixels) in frame.buffer.chunks_exact(frame_columns * 4).enumerate() {
        let target = canvas.get_mut(((top + row) * columns + left) * 4..);
        let target = target.and_then(|rest| rest.get_mut(..frame_columns * 4)).ok_or_else(outside)?;
        target.copy_from_slice(pixels);
    }
    Ok(canvas)
}

/// Whether there is a second frame. Decodes no pixels.
fn is_animated(bytes: &[u8]) -> bool {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let Ok(mut decoder) = options.read_info(bytes) else { return false };
    matches!(decoder.next_frame_info(), Ok(Some(_))) && matches!(decoder.next_frame_info(), Ok(Some(_)))
}

fn decoder_error(error: DecodingError) -> Error {
    match error {
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => Error::TooMuchMemory,
        DecodingError::UnexpectedEof => Error::truncated(KIND).caused_by(error),
        DecodingError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => Error::truncated(KIND).caused_by(error),
        error => Error::undecodable(KIND, error),
    }
}
