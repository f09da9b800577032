//! JPEG. Decoded without the `image` crate's own wrapper, which fills what is missing of a truncated file
//! with gray and calls that a success. Here that happens only where the mark of the end stands after what
//! there is of the data: the decoder does not tell such a file from a whole one.
//!
//! The inks of a CMYK file are taken from the decoder as they are, and converted by the file's profile. Adobe's
//! programs, and all that write their marker, store them inverted.

use cutline_core::domain::kind::ImageKind;
use image::RgbImage;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::{ImageInfo, JpegDecoder};

use super::color::{Alpha, Conversion, Model};
use super::{Limits, damaged, finish, markers, unsupported};
use crate::error::Error;
use crate::photo::Photo;

/// The longest side that the format can express.
const MAX_SIDE: usize = u16::MAX as usize;

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let (mut decoder, info) = open(bytes)?;
    let size = (u32::from(info.width), u32::from(info.height));
    limits.check(size.0, size.1, info.components.max(3))?;

    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::RGB);
    let (wanted, model) = match stored {
        ColorSpace::Luma => (ColorSpace::Luma, Model::Gray),
        ColorSpace::CMYK | ColorSpace::YCCK if info.components == 4 => (stored, Model::Cmyk),
        _ => (ColorSpace::RGB, Model::Rgb),
    };
    // The scans strictly: that the file ends within them is an error, not gray.
    decoder.set_options(decoder.options().set_strict_mode(true).jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().map_err(fault)?;
    let across = info.width as usize * model.samples();
    if pixels.len() < across * info.height as usize {
        return Err(damaged(ImageKind::Jpeg, "there are too few pixels"));
    }

    let markers = markers::metadata(bytes);
    let photoshop = markers.photoshop();
    let mut sources = markers.sources();
    sources.photoshop = photoshop.as_deref();
    let mut metadata = sources.metadata();
    let inverted = markers.adobe;
    let conversion = Conversion::<u8>::new(model, decoder.icc_profile().as_deref().into(), &mut metadata);
    if model == Model::Rgb {
        let mut color = RgbImage::from_raw(size.0, size.1, pixels)
            .ok_or_else(|| damaged(ImageKind::Jpeg, "there are too few pixels"))?;
        conversion.in_place(&mut color);
        return finish(ImageKind::Jpeg, (color, None), sources.orientation(), metadata);
    }
    let picture = conversion.run(size, Alpha::None, |y, row, _| {
        row.copy_from_slice(&pixels[y * across..][..across]);
        if stored == ColorSpace::YCCK {
            row.chunks_exact_mut(4).for_each(from_ycck);
        }
        if model == Model::Cmyk && inverted {
            row.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
    });
    finish(ImageKind::Jpeg, picture, sources.orientation(), metadata)
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let (_, info) = open(bytes)?;
    Ok((info.width.into(), info.height.into()))
}

/// Luma and chroma of what three inks leave of light, as JFIF has them, to the inks. Black stays.
fn from_ycck(pixel: &mut [u8]) {
    let [luma, blue, red, _] = pixel else { return };
    let (y, cb, cr) = (f32::from(*luma), f32::from(*blue) - 128.0, f32::from(*red) - 128.0);
    // A cast from a float saturates.
    let rounded = |value: f32| 255 - value.round() as u8;
    (*luma, *blue, *red) =
        (rounded(y + 1.402 * cr), rounded(y - 0.344_136 * cb - 0.714_136 * cr), rounded(y + 1.772 * cb));
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
            unsupported(ImageKind::Jpeg, "save it as a baseline or progressive JPEG of 8 bits", error.to_string())
        }
        _ => damaged(ImageKind::Jpeg, error.to_string()),
    }
}
