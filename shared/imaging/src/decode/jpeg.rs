//! JPEG. Decoded without the `image` crate's own wrapper, which fills what is missing of a truncated file
//! with grey and calls that a success. Here that happens only where the mark of the end stands after what
//! there is of the data: the decoder does not tell such a file from a whole one.

use cutline_core::kind::ImageKind;
use image::{DynamicImage, RgbImage};
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::{ImageInfo, JpegDecoder};

use super::{Limits, colour, damaged, markers, orientation};
use crate::error::Error;
use crate::photo::Photo;

/// The longest side that the format can express.
const MAX_SIDE: usize = u16::MAX as usize;

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let (mut decoder, info) = open(bytes)?;
    limits.check(info.width.into(), info.height.into(), 3)?;

    // The scans strictly: that the file ends within them is an error, not grey.
    decoder.set_options(decoder.options().set_strict_mode(true));
    let pixels = decoder.decode().map_err(fault)?;
    let mut colour = RgbImage::from_raw(info.width.into(), info.height.into(), pixels)
        .ok_or_else(|| damaged(ImageKind::Jpeg, "there are too few pixels"))?;
    colour::to_srgb(&mut colour, decoder.icc_profile().as_deref());
    let mut picture = DynamicImage::ImageRgb8(colour);
    picture.apply_orientation(orientation::of_exif(decoder.exif().map(Vec::as_slice)));
    Ok(Photo::opaque(picture.into_rgb8()))
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let (_, info) = open(bytes)?;
    Ok((info.width.into(), info.height.into()))
}

/// Reads the headers; leniently, since stray bytes between segments are common and harm nothing.
fn open(bytes: &[u8]) -> Result<(Decoder<'_>, ImageInfo), Error> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(markers::first_picture(bytes)?), options);
    decoder.decode_headers().map_err(fault)?;
    let info = decoder.info().ok_or_else(|| damaged(ImageKind::Jpeg, "there is no header"))?;
    Ok((decoder, info))
}

fn fault(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(_) => {
            Error::UnsupportedForm { kind: ImageKind::Jpeg, source: error.to_string().into() }
        }
        _ => damaged(ImageKind::Jpeg, error.to_string()),
    }
}
