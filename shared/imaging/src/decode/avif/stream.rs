//! An AV1 stream of one frame: checked, then decoded (AV1 bitstream specification, section 5).

use cutline_core::domain::kind::ImageKind;
use re_rav1d::dav1d::{Decoder, Error as DecoderError, Settings};

use super::frame::Frame;
use crate::error::Error;

const KIND: ImageKind = ImageKind::Avif;

/// Types of units that begin a frame.
const OBU_FRAME_HEADER: u8 = 3;
const OBU_FRAME: u8 = 6;
/// How often the decoder is asked for its frame.
const MAX_ATTEMPTS: usize = 8;

/// Decodes a stream whose frame must have the size that the container states. The decoder stops as soon as a header
/// states more pixels.
pub(super) fn decode(stream: &[u8], (width, height): (u32, u32)) -> Result<Frame, Error> {
    check_single_frame(stream)?;
    let mut settings = Settings::new();
    // More threads would take more memory, and the decoder could not be dropped before they end.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(width.saturating_mul(height));
    let mut decoder = Decoder::with_settings(&settings).map_err(decoder_error)?;
    let mut sent = decoder.send_data(stream.to_vec(), None, None, None);
    for _ in 0..MAX_ATTEMPTS {
        match sent {
            Ok(()) | Err(DecoderError::Again) => {}
            Err(error) => return Err(decoder_error(error)),
        }
        match decoder.get_picture() {
            Ok(picture) if (picture.width(), picture.height()) == (width, height) => return Ok(Frame::new(&picture)),
            Ok(_) => return Err(Error::damaged(KIND, "frame and container differ in size")),
            Err(DecoderError::Again) => sent = decoder.send_pending_data(),
            Err(error) => return Err(decoder_error(error)),
        }
    }
    Err(Error::damaged(KIND, "it has no frame"))
}

/// Checks that the units of a stream end within it and hold one frame. Every further frame could be as large as the
/// image, take as long to decode, and be kept for the next one.
fn check_single_frame(stream: &[u8]) -> Result<(), Error> {
    let outside = || Error::damaged(KIND, "a unit of its stream ends outside the stream");
    let (mut rest, mut frames) = (stream, 0);
    while let Some((header, after)) = rest.split_first() {
        let (kind, has_extension, has_size) = (header >> 3 & 15, header & 4 != 0, header & 2 != 0);
        rest = after.get(usize::from(has_extension)..).ok_or_else(outside)?;
        if matches!(kind, OBU_FRAME_HEADER | OBU_FRAME) {
            frames += 1;
        }
        if !has_size {
            break;
        }
        let (length, after) = split_leb128(rest).ok_or_else(outside)?;
        rest = after.get(length..).ok_or_else(outside)?;
    }
    match frames {
        1 => Ok(()),
        0 => Err(Error::damaged(KIND, "it has no frame")),
        _ => Err(Error::unsupported(
            KIND,
            "several frames or layers in one image",
            "save it with one frame and one layer",
        )),
    }
}

/// A number of seven bits per byte, the lowest bits first, and the bytes after it.
fn split_leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(8) {
        number |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

fn decoder_error(error: DecoderError) -> Error {
    match error {
        DecoderError::NotEnoughMemory => Error::TooMuchMemory,
        DecoderError::UnsupportedBitstream => {
            Error::unsupported(KIND, "an uncommon variant of AV1", "save it with default settings")
                .caused_by(error.to_string())
        }
        _ => Error::undecodable(KIND, error.to_string()),
    }
}
