//! Photoshop documents: PSD, and PSB for large ones. Decodes the merged image at the end of the file, not the layers.
//!
//! Supports gray, duotone, RGB and CMYK of 8 or 16 bits per channel, and bitmaps, uncompressed or run-length encoded.
//! Photoshop shows a document as stored and ignores the orientation in its Exif data; so does this.
//!
//! Source: Adobe's "Photoshop File Formats Specification", November 2019.

mod document;
mod header;
mod packbits;
mod planes;

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;
use image::metadata::Orientation;

use self::document::Document;
use self::header::{ColorMode, Header};
use self::planes::Planes;
use super::color::{AlphaMode, ColorEncoding, ColorModel, Conversion, Sample, SrgbImage};
use super::limits::Limits;
use super::metadata::{MetadataSources, photoshop};
use super::upright::upright;
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

const KIND: ImageKind = ImageKind::Psd;

/// Bits per sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    One,
    Eight,
    Sixteen,
}

/// Meaning of the merged image's samples.
#[derive(Debug, Clone, Copy)]
struct PixelFormat {
    model: ColorModel,
    alpha: AlphaMode,
    depth: Depth,
}

impl PixelFormat {
    /// Channels that are decoded: colors, and alpha if there is any.
    fn channels(self) -> usize {
        self.model.samples() + usize::from(self.alpha != AlphaMode::Opaque)
    }

    fn bits(self) -> usize {
        match self.depth {
            Depth::One => 1,
            Depth::Eight => 8,
            Depth::Sixteen => 16,
        }
    }
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(Header::parse(bytes)?.size)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, Error> {
    let size = dimensions(bytes)?;
    limits.check(size, 1)?;
    let document = Document::parse(bytes)?;
    let format = pixel_format(&document)?;
    // Only the channels that are used are unpacked.
    limits.check(size, format.channels() as u8 * format.bits().div_ceil(8) as u8)?;
    let bytes = planes::unpack(&document, format.channels(), format.bits())?;
    let planes = Planes::new(&bytes, &document, format.bits());

    let mut metadata = metadata_sources(&document).merge();
    let mode = document.header.mode;
    if mode == ColorMode::Duotone {
        metadata.warnings.push("The document is a duotone: it was converted to gray.".into());
    }
    // Profiles of other modes do not apply: bitmaps have no curve, and duotones have inks of their own.
    let profile = photoshop::resource(document.resources, photoshop::ICC_PROFILE)
        .filter(|_| !matches!(mode, ColorMode::Bitmap | ColorMode::Duotone));
    let encoding = ColorEncoding::from(profile);
    let image = match format.depth {
        Depth::One => convert(format, size, encoding, &mut metadata, |plane, x, y| planes.bit(plane, x, y)),
        Depth::Eight => convert(format, size, encoding, &mut metadata, |plane, x, y| planes.byte(plane, x, y)),
        Depth::Sixteen => convert(format, size, encoding, &mut metadata, |plane, x, y| planes.word(plane, x, y)),
    };
    upright(KIND, image, &[Orientation::NoTransforms], metadata)
}

/// Determines the meaning of the samples, or why they are not supported.
fn pixel_format(document: &Document<'_>) -> Result<PixelFormat, Error> {
    let header = &document.header;
    let model = color_model(header.mode)?;
    let depth = match header.depth {
        8 => Depth::Eight,
        16 => Depth::Sixteen,
        1 if header.mode == ColorMode::Bitmap => Depth::One,
        32 => return Err(Error::unsupported(KIND, "32 bits per channel", "convert it to 8 or 16 bits")),
        _ => return Err(Error::damaged(KIND, "its bit depth is invalid")),
    };
    let version = photoshop::resource(document.resources, photoshop::VERSION);
    // After a version of four bytes: whether the merged image is real.
    if version.and_then(|version| version.get(4)) == Some(&0) {
        return Err(Error::unsupported(KIND, "no merged image", "save it with 'Maximize Compatibility'"));
    }
    // Photoshop blends the transparent parts of the merged image over white. Further channels that are not its alpha
    // are saved selections.
    let has_alpha = document.has_merged_alpha && header.channels > model.samples();
    let alpha = if has_alpha { AlphaMode::OverWhite } else { AlphaMode::Opaque };
    let format = PixelFormat { model, alpha, depth };
    if header.channels < format.channels() {
        return Err(Error::damaged(KIND, "it has too few channels"));
    }
    Ok(format)
}

fn color_model(mode: ColorMode) -> Result<ColorModel, Error> {
    let feature = match mode {
        ColorMode::Bitmap | ColorMode::Gray | ColorMode::Duotone => return Ok(ColorModel::Gray),
        ColorMode::Rgb => return Ok(ColorModel::Rgb),
        ColorMode::Cmyk => return Ok(ColorModel::Cmyk),
        ColorMode::Indexed => "indexed colors",
        ColorMode::Multichannel => "multichannel mode",
        ColorMode::Lab => "Lab colors",
        ColorMode::Unknown => "an unknown color mode",
    };
    Err(Error::unsupported(KIND, feature, "convert it to RGB, gray or CMYK"))
}

fn metadata_sources<'a>(document: &Document<'a>) -> MetadataSources<'a> {
    let resource = |id| photoshop::resource(document.resources, id);
    MetadataSources {
        exif: resource(photoshop::EXIF),
        xmp: resource(photoshop::XMP).map(Cow::Borrowed),
        photoshop: Some(Cow::Borrowed(document.resources)),
        dpi: resource(photoshop::RESOLUTION).and_then(photoshop::dpi),
        ..MetadataSources::default()
    }
}

/// Converts the image. `sample(plane, x, y)` reads one sample. Inks are stored inverted.
fn convert<T: Sample>(
    format: PixelFormat,
    size: (u32, u32),
    encoding: ColorEncoding<'_>,
    metadata: &mut ImageMetadata,
    sample: impl Fn(usize, usize, usize) -> T + Sync,
) -> SrgbImage {
    let PixelFormat { model, alpha, .. } = format;
    Conversion::<T>::new(model, encoding, metadata).run(size, alpha, |y, colors, alpha| {
        for (x, pixel) in colors.chunks_exact_mut(model.samples()).enumerate() {
            for (plane, color) in pixel.iter_mut().enumerate() {
                let stored = sample(plane, x, y);
                *color = if model == ColorModel::Cmyk { T::from_u32(T::MAX - stored.to_u32()) } else { stored };
            }
        }
        for (x, alpha) in alpha.iter_mut().enumerate() {
            *alpha = sample(model.samples(), x, y);
        }
    })
}
