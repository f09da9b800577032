//! The `tiff` crate's decoder, its limits and its errors.

use std::io::{Cursor, ErrorKind};

use cutline_core::domain::kind::ImageKind;
use tiff::decoder::Decoder;
use tiff::tags::PhotometricInterpretation;
use tiff::{TiffError, TiffUnsupportedError};

use crate::decode::limits::Limits;
use crate::error::Error;

pub(super) type TiffDecoder<'a> = Decoder<Cursor<&'a [u8]>>;

pub(super) const KIND: ImageKind = ImageKind::Tiff;

/// What to do about samples and layouts that are not supported.
pub(super) const REMEDY: &str = "save it as 8 or 16-bit RGB, gray or CMYK without layers";

/// Most bytes of one tag's value, such as the offsets of the strips or a profile.
const MAX_TAG_BYTES: usize = 16 << 20;

/// A decoder that is held to the limits.
pub(super) fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<TiffDecoder<'a>, Error> {
    let max_alloc = limits.max_alloc_usize();
    let mut decoder_limits = tiff::decoder::Limits::default();
    decoder_limits.decoding_buffer_size = max_alloc;
    decoder_limits.intermediate_buffer_size = max_alloc;
    decoder_limits.ifd_value_size = max_alloc.min(MAX_TAG_BYTES);
    Ok(Decoder::new(Cursor::new(bytes)).map_err(decoder_error)?.with_limits(decoder_limits))
}

pub(super) fn decoder_error(error: TiffError) -> Error {
    match error {
        TiffError::LimitsExceeded => Error::TooMuchMemory,
        TiffError::UnsupportedError(ref unsupported) => {
            Error::unsupported(KIND, feature(unsupported), REMEDY).caused_by(error)
        }
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Error::truncated(KIND).caused_by(error)
        }
        error => Error::undecodable(KIND, error),
    }
}

/// The unsupported feature in the user's terms.
fn feature(error: &TiffUnsupportedError) -> &'static str {
    match error {
        TiffUnsupportedError::InterpretationWithBits(PhotometricInterpretation::RGBPalette, _) => "indexed colors",
        TiffUnsupportedError::UnknownCompressionMethod | TiffUnsupportedError::UnsupportedCompressionMethod(_) => {
            "an uncommon compression"
        }
        _ => "an uncommon variant of the format",
    }
}
