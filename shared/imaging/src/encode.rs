//! From a cut-out to the bytes of a file.

use std::io::Cursor;

use cutline_core::{Channels, OutputFormat};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use webp::WebPConfig;

use crate::error::{Cause, Error};
use crate::photo::Cutout;

/// What stands behind the subject in a format without alpha.
const WHITE: [u8; 3] = [255; 3];
/// Of 100. Colour is not subsampled, so thin coloured edges stay.
const JPEG_QUALITY: u8 = 92;
/// Of 100, for the colours. Alpha is kept without loss.
const WEBP_QUALITY: f32 = 90.0;

/// Writes a cut-out. The same cut-out gives the same bytes.
///
/// # Errors
/// [`Error::UnsupportedFormat`] for formats that this version does not write,
/// [`Error::TooLargeForFormat`], [`Error::Encode`].
pub fn encode(cutout: Cutout, format: OutputFormat, channels: Channels) -> Result<Vec<u8>, Error> {
    let (width, height) = cutout.dimensions();
    let max_side = match format {
        OutputFormat::Png => i32::MAX as u32,
        OutputFormat::Jpeg => u32::from(u16::MAX),
        OutputFormat::Webp => 16_383,
        OutputFormat::Psd | OutputFormat::Tiff => return Err(Error::UnsupportedFormat(format)),
    };
    if width.max(height) > max_side {
        return Err(Error::TooLargeForFormat { format, width, height, max_side });
    }
    let written = match (format, channels) {
        (OutputFormat::Jpeg, Channels::Rgba) => {
            jpeg(cutout.flattened(WHITE).as_raw(), width, height, ExtendedColorType::Rgb8)
        }
        (OutputFormat::Jpeg, Channels::Alpha) => jpeg(cutout.alpha(), width, height, ExtendedColorType::L8),
        (OutputFormat::Webp, Channels::Rgba) => webp(&cutout.interleaved(), width, height, webp::PixelLayout::Rgba),
        (OutputFormat::Webp, Channels::Alpha) => {
            let grey: Vec<u8> = cutout.alpha().iter().flat_map(|alpha| [*alpha; 3]).collect();
            webp(&grey, width, height, webp::PixelLayout::Rgb)
        }
        (_, Channels::Rgba) => png(&cutout.interleaved(), width, height, ExtendedColorType::Rgba8),
        (_, Channels::Alpha) => png(cutout.alpha(), width, height, ExtendedColorType::L8),
    };
    written.map_err(|source| Error::Encode { format, source })
}

fn png(pixels: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Result<Vec<u8>, Cause> {
    let mut file = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels, width, height, colour)?;
    Ok(file.into_inner())
}

fn jpeg(pixels: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Result<Vec<u8>, Cause> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY).write_image(pixels, width, height, colour)?;
    Ok(file)
}

fn webp(pixels: &[u8], width: u32, height: u32, layout: webp::PixelLayout) -> Result<Vec<u8>, Cause> {
    let mut config = WebPConfig::new().map_err(|()| "libwebp has another version than it was built for")?;
    config.quality = WEBP_QUALITY;
    let file = webp::Encoder::new(pixels, layout, width, height).encode_advanced(&config);
    Ok(file.map_err(|error| format!("libwebp says {error:?}"))?.to_vec())
}
