//! Photoshop documents: PSD, and PSB for large ones. Decodes the merged image at the end of the file, or, without one,
//! composes the layers, as far as they blend normally or multiply.
//!
//! Supports gray, duotone, indexed colors, RGB and CMYK of 8 or 16 bits per channel, and bitmaps; a merged image
//! uncompressed or run-length encoded, layers also with ZIP. Photoshop shows a document as stored and ignores the orientation
//! in its Exif data; so does this.
//!
//! Source: Adobe's "Photoshop File Formats Specification", November 2019.

mod channel;
mod composite;
mod document;
mod header;
mod kind;
mod layer_mask;
mod layers;
mod packbits;
mod palette;
mod planes;
mod tree;

use std::borrow::Cow;

use image::metadata::Orientation;

use self::composite::Composer;
use self::document::Document;
use self::header::{ColorMode, Header};
use self::kind::KIND;
pub use self::layer_mask::LayerMask;
use self::palette::Palette;
use self::planes::Planes;
use super::color::{AlphaMode, ColorEncoding, ColorModel, ColorTask, Conversion, Sample, SrgbImage, TargetColors};
use super::limits::Limits;
use super::metadata::kept::Kept;
use super::metadata::{MetadataSources, channels, photoshop};
use super::stored::StoredResources;
use super::upright::upright;
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

/// Bits per sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    One,
    Eight,
    Sixteen,
}

/// Meaning of the document's samples.
#[derive(Debug, Clone, Copy)]
struct PixelFormat {
    model: ColorModel,
    depth: Depth,
}

impl PixelFormat {
    /// Determines the meaning of the samples, or why they are not supported.
    fn of(header: &Header) -> Result<Self, Error> {
        let model = color_model(header.mode)?;
        let depth = match header.depth {
            8 => Depth::Eight,
            16 => Depth::Sixteen,
            1 if header.mode == ColorMode::Bitmap => Depth::One,
            32 => return Err(Error::unsupported(KIND, "32 bits per channel", "convert it to 8 or 16 bits")),
            _ => return Err(Error::damaged(KIND, "its bit depth is invalid")),
        };
        Ok(Self { model, depth })
    }

    fn bits(self) -> usize {
        match self.depth {
            Depth::One => 1,
            Depth::Eight => 8,
            Depth::Sixteen => 16,
        }
    }

    /// Bytes of a pixel of this many channels.
    fn bytes_per_pixel(self, channels: usize) -> u8 {
        (channels * self.bits().div_ceil(8)) as u8
    }
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(Header::parse(bytes)?.size)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let size = dimensions(bytes)?;
    limits.check(size, 1)?;
    let document = Document::parse(bytes)?;
    let format = PixelFormat::of(&document.header)?;

    let mut metadata = metadata_sources(&document).merge();
    let mode = document.header.mode;
    if mode == ColorMode::Duotone {
        metadata.warnings.push("The document is a duotone: it was converted to gray.".into());
    }
    // Profiles of other modes do not apply: bitmaps have no curve, and duotones have inks of their own.
    let profile = photoshop::resource(document.resources, photoshop::ICC_PROFILE)
        .filter(|_| !matches!(mode, ColorMode::Bitmap | ColorMode::Duotone));
    let further = further_channels(&document, format);
    metadata.warnings.extend(channels::warning(document.resources, further, target.keeps_colors()));
    let task = ColorEncoding::from(profile).towards(target);
    let image = if has_merged_image(&document) {
        decode_merged(&document, format, task, limits, &mut metadata)?
    } else {
        match format.depth {
            Depth::Sixteen => compose::<u16>(&document, format, task, limits, &mut metadata)?,
            _ => compose::<u8>(&document, format, task, limits, &mut metadata)?,
        }
    };
    upright(KIND, image, &[Orientation::NoTransforms], metadata)
}

/// The mask of the layer that was cut out.
pub(super) fn layer_mask(bytes: &[u8], limits: &Limits) -> Result<LayerMask, Error> {
    limits.check(dimensions(bytes)?, 1)?;
    let document = Document::parse(bytes)?;
    // The mask's samples would be read as if they had 8 bits.
    if document.header.depth == 32 {
        return Err(Error::unsupported(KIND, "32 bits per channel", "convert it to 8 or 16 bits"));
    }
    layer_mask::read(&document, limits)
}

/// Whether the merged image is real. Without "Maximize Compatibility" it is white.
fn has_merged_image(document: &Document<'_>) -> bool {
    let version = photoshop::resource(document.resources, photoshop::VERSION);
    // After a version of four bytes.
    version.and_then(|version| version.get(4)) != Some(&0)
}

fn color_model(mode: ColorMode) -> Result<ColorModel, Error> {
    let feature = match mode {
        ColorMode::Bitmap | ColorMode::Gray | ColorMode::Duotone => return Ok(ColorModel::Gray),
        ColorMode::Rgb | ColorMode::Indexed => return Ok(ColorModel::Rgb),
        ColorMode::Cmyk => return Ok(ColorModel::Cmyk),
        ColorMode::Multichannel => "multichannel mode",
        ColorMode::Lab => "Lab colors",
        ColorMode::Unknown => "an unknown color mode",
    };
    Err(Error::unsupported(KIND, feature, "convert it to RGB, gray or CMYK"))
}

/// Photoshop's resources. The pixels are stored upright.
pub(super) fn resources(bytes: &[u8]) -> Option<StoredResources<'_>> {
    let document = Document::parse(bytes).ok()?;
    let resources = Cow::Borrowed(document.resources);
    Some(StoredResources { resources, orientation: Orientation::NoTransforms })
}

/// All metadata of the document.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    Document::parse(bytes).map(|document| metadata_sources(&document).kept()).unwrap_or_default()
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

/// The number of samples of a pixel that are stored for its color.
fn stored_colors(document: &Document<'_>, format: PixelFormat) -> usize {
    if document.header.mode == ColorMode::Indexed { 1 } else { format.model.samples() }
}

/// The number of channels that are neither colors nor the alpha of the merged image.
fn further_channels(document: &Document<'_>, format: PixelFormat) -> usize {
    let further = document.header.channels.saturating_sub(stored_colors(document, format));
    further.saturating_sub(document.has_merged_alpha.into())
}

/// Decodes the merged image.
fn decode_merged(
    document: &Document<'_>,
    format: PixelFormat,
    task: ColorTask<'_>,
    limits: &Limits,
    metadata: &mut ImageMetadata,
) -> Result<SrgbImage, Error> {
    let header = &document.header;
    let palette = (header.mode == ColorMode::Indexed).then(|| Palette::read(document)).transpose()?;
    let colors = stored_colors(document, format);
    // Photoshop blends the transparent parts of the merged image over white. Further channels that are not its alpha
    // are saved selections.
    let has_alpha = document.has_merged_alpha && header.channels > colors;
    let channels = colors + usize::from(has_alpha);
    if header.channels < channels {
        return Err(Error::damaged(KIND, "it has too few channels"));
    }
    // Only the channels that are used are unpacked.
    limits.check(header.size, format.bytes_per_pixel(channels))?;
    let bytes = planes::unpack(document, channels, format.bits())?;
    let planes = Planes::new(&bytes, document, format.bits());
    if let Some(palette) = palette {
        return Ok(palette.convert(header.size, task, metadata, |x, y| planes.byte(0, x, y)));
    }
    let (model, alpha) = (format.model, if has_alpha { AlphaMode::OverWhite } else { AlphaMode::Opaque });
    let target = Target { model, alpha, size: header.size };
    Ok(match format.depth {
        Depth::One => convert(target, task, metadata, |plane, x, y| planes.bit(plane, x, y)),
        Depth::Eight => convert(target, task, metadata, |plane, x, y| planes.byte(plane, x, y)),
        Depth::Sixteen => convert(target, task, metadata, |plane, x, y| planes.word(plane, x, y)),
    })
}

/// Composes the layers.
fn compose<T: Sample>(
    document: &Document<'_>,
    format: PixelFormat,
    task: ColorTask<'_>,
    limits: &Limits,
    metadata: &mut ImageMetadata,
) -> Result<SrgbImage, Error> {
    let header = &document.header;
    let Some(info) = document.layer_info() else {
        return Err(Error::unsupported(KIND, "no merged image", "save it with 'Maximize Compatibility'"));
    };
    let nodes = tree::arrange(layers::read(info, header)?)?;
    let colors = format.model.samples();
    limits.check(header.size, format.bytes_per_pixel(colors + 1))?;
    let canvas = Composer::new(header, colors, limits).compose::<T>(&nodes)?;
    let columns = header.size.0 as usize;
    let target = Target { model: format.model, alpha: AlphaMode::Straight, size: header.size };
    Ok(convert(target, task, metadata, |plane, x, y| canvas.samples[(y * columns + x) * canvas.stride + plane]))
}

/// What samples are converted to.
struct Target {
    model: ColorModel,
    alpha: AlphaMode,
    size: (u32, u32),
}

/// Converts the image. `sample(plane, x, y)` reads one sample. Inks are stored inverted.
fn convert<T: Sample>(
    Target { model, alpha, size }: Target,
    task: ColorTask<'_>,
    metadata: &mut ImageMetadata,
    sample: impl Fn(usize, usize, usize) -> T + Sync,
) -> SrgbImage {
    Conversion::<T>::new(model, task, metadata).run(size, alpha, |y, colors, alpha| {
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
