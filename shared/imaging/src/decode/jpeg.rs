//! JPEG, decoded by `zune-jpeg`.
//!
//! Not through the `image` crate, whose wrapper fills the missing part of a truncated file with gray and reports
//! success. Here that happens only if an end-of-image marker follows the data: the decoder cannot tell such a file from
//! a complete one.
//!
//! Inks of CMYK files are taken from the decoder as stored and converted by the file's profile. Adobe's programs, and
//! all others that write their marker, store inks inverted.

pub(super) mod markers;

use cutline_core::domain::kind::ImageKind;
use image::RgbImage;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::{ImageInfo, JpegDecoder};

use self::markers::Segments;
use super::color::{AlphaMode, ColorModel, Conversion, SrgbImage};
use super::limits::Limits;
use super::upright::upright;
use crate::error::Error;
use crate::photo::Photo;

const KIND: ImageKind = ImageKind::Jpeg;

/// Longest side that the format can express.
const MAX_SIDE: usize = u16::MAX as usize;

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let (_, info) = open(markers::first_image(KIND, bytes)?)?;
    Ok((info.width.into(), info.height.into()))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let (mut decoder, info) = open(markers::first_image(KIND, bytes)?)?;
    let size = (u32::from(info.width), u32::from(info.height));
    limits.check(size, info.components.max(3))?;

    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::RGB);
    let (decoded, model) = match stored {
        ColorSpace::Luma => (ColorSpace::Luma, ColorModel::Gray),
        ColorSpace::CMYK | ColorSpace::YCCK if info.components == 4 => (stored, ColorModel::Cmyk),
        _ => (ColorSpace::RGB, ColorModel::Rgb),
    };
    // Strict mode makes a file that ends within its scans an error.
    decoder.set_options(decoder.options().set_strict_mode(true).jpeg_set_out_colorspace(decoded));
    let pixels = decoder.decode().map_err(decoder_error)?;
    let stride = info.width as usize * model.samples();
    if pixels.len() < stride * info.height as usize {
        return Err(Error::truncated(KIND));
    }

    let segments = Segments::read(bytes);
    let sources = segments.metadata_sources();
    let mut metadata = sources.merge();
    let conversion = Conversion::<u8>::new(model, decoder.icc_profile().as_deref().into(), &mut metadata);
    let image = if model == ColorModel::Rgb {
        let mut color = RgbImage::from_raw(size.0, size.1, pixels).ok_or_else(|| Error::truncated(KIND))?;
        conversion.run_in_place(&mut color);
        SrgbImage { color, alpha: None }
    } else {
        conversion.run(size, AlphaMode::Opaque, |y, row, _| {
            row.copy_from_slice(&pixels[y * stride..][..stride]);
            if stored == ColorSpace::YCCK {
                row.chunks_exact_mut(4).for_each(ycck_to_cmyk);
            }
            if model == ColorModel::Cmyk && segments.is_adobe {
                row.iter_mut().for_each(|ink| *ink = 255 - *ink);
            }
        })
    };
    upright(KIND, image, &[sources.orientation()], metadata)
}

/// Converts one pixel. YCC encodes the light that three inks leave, by the matrix of JFIF; black is stored as it is.
fn ycck_to_cmyk(pixel: &mut [u8]) {
    let [luma, blue, red, _] = pixel else { return };
    let (y, cb, cr) = (f32::from(*luma), f32::from(*blue) - 128.0, f32::from(*red) - 128.0);
    // A cast from a float saturates.
    let ink = |light: f32| 255 - light.round() as u8;
    (*luma, *blue, *red) = (ink(y + 1.402 * cr), ink(y - 0.344_136 * cb - 0.714_136 * cr), ink(y + 1.772 * cb));
}

/// Reads the headers of an image from [`markers::first_image`]; leniently, since stray bytes between segments are
/// common and harmless.
fn open(image: &[u8]) -> Result<(Decoder<'_>, ImageInfo), Error> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(image), options);
    decoder.decode_headers().map_err(decoder_error)?;
    let info = decoder.info().ok_or_else(|| Error::damaged(KIND, "the header is missing"))?;
    Ok((decoder, info))
}

fn decoder_error(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(_) => Error::unsupported(
            KIND,
            "lossless or arithmetic coding, or not 8 bits per sample",
            "save it as a baseline or progressive JPEG of 8 bits",
        )
        .caused_by(error.to_string()),
        DecodeErrors::ExhaustedData => Error::truncated(KIND).caused_by(error.to_string()),
        _ => Error::undecodable(KIND, error.to_string()),
    }
}
