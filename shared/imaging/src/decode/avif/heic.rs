//! HEIC: still images of HEVC in the container of AVIF. The container is read here: size, limits, profile and metadata.
//! Decoding HEVC takes a decoder that the program passes in, since none is a part of this crate.
//!
//! By the standard, the container's properties orient the image, and Exif does not. The decoder applies them.

use std::fmt;

use cutline_core::domain::kind::ImageKind;

use super::container::{self, Container, Turn};
use super::items::HEVC;
use super::{BYTES_PER_PIXEL, GRID_FACTOR, color_encoding, metadata_sources};
use crate::decode::animation::FIRST_FRAME_ONLY;
use crate::decode::color::{AlphaMode, ColorEncoding, ColorModel, Conversion, Sample, SrgbImage, TargetColors};
use crate::decode::limits::Limits;
use crate::decode::metadata::kept::Kept;
use crate::decode::upright::upright;
use crate::error::{Cause, Error};
use crate::photo::{ImageMetadata, Photo};

const KIND: ImageKind = ImageKind::Heic;

/// Decodes the compressed image of HEIC files.
///
/// Implementations must bear hostile files. The image's size was checked by the container and by the stream's parameters.
pub trait HeicDecoder: fmt::Debug + Send + Sync {
    /// Decodes a file's primary image, cropped and turned as its container says, and passes it to `read` once.
    ///
    /// # Errors
    /// Every [`HeicFault`].
    fn decode(&self, file: &[u8], read: &mut dyn FnMut(&HeicPixels<'_>)) -> Result<(), HeicFault>;
}

/// A decoded image: RGB of the encoding that the file states, pixel by pixel, with alpha as the file stores it.
#[derive(Clone, Copy)]
pub struct HeicPixels<'a> {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Bits of a sample, 8 to 16. A sample of more than 8 bits takes two bytes, the lower one first.
    pub depth: u32,
    /// Whether each pixel has a fourth sample, its alpha.
    pub has_alpha: bool,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// The rows, from the top.
    pub data: &'a [u8],
}

/// Why a decoder refused a file.
#[derive(Debug, thiserror::Error)]
pub enum HeicFault {
    /// The file contradicts its format.
    #[error("damaged: {0}")]
    Damaged(Cause),
    /// The file uses a feature that the decoder lacks.
    #[error("unsupported: {0}")]
    Unsupported(Cause),
    /// Memory ran out.
    #[error("out of memory")]
    TooMuchMemory,
}

impl From<HeicFault> for Error {
    fn from(fault: HeicFault) -> Self {
        match fault {
            HeicFault::Damaged(cause) => Self::undecodable(KIND, cause),
            HeicFault::Unsupported(cause) => {
                Self::unsupported(KIND, "a feature that the decoder lacks", "convert it to JPEG").caused_by(cause)
            }
            HeicFault::TooMuchMemory => Self::TooMuchMemory,
        }
    }
}

pub(in crate::decode) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(parse(bytes)?.shown_size())
}

/// Decodes a file by `decoder`.
pub(in crate::decode) fn decode(
    bytes: &[u8],
    limits: &Limits,
    target: TargetColors,
    decoder: Option<&dyn HeicDecoder>,
) -> Result<Photo, Error> {
    let decoder = decoder.ok_or(Error::NoHeicDecoder)?;
    let container = parse(bytes)?;
    limits.check(container.color.size, BYTES_PER_PIXEL)?;
    for image in [&container.color].into_iter().chain(&container.alpha) {
        limits.times(GRID_FACTOR).check(image.tiled_size(), BYTES_PER_PIXEL)?;
    }
    // libheif turns each by its own properties.
    if !container.is_alpha_alike {
        return Err(Error::unsupported(KIND, "turned colors with transparency that is not", "convert it to PNG"));
    }
    let mut metadata = metadata(&container);
    let mut image = None;
    decoder.decode(bytes, &mut |pixels| {
        image = Some(if pixels.depth > 8 {
            convert::<u16>(&container, pixels, target, &mut metadata)
        } else {
            convert::<u8>(&container, pixels, target, &mut metadata)
        });
    })?;
    let image = image.ok_or_else(|| Error::undecodable(KIND, "the decoder returned no image"))??;
    upright(KIND, image, &[], metadata)
}

/// All metadata of the file.
pub(in crate::decode) fn source_metadata(bytes: &[u8]) -> Kept {
    parse(bytes).map(|container| metadata_sources(&container).kept()).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> Result<Container<'_>, Error> {
    container::parse(bytes, HEVC).map_err(|error| error.of_kind(KIND))
}

fn metadata(container: &Container<'_>) -> ImageMetadata {
    let mut metadata = metadata_sources(container).merge();
    if container.is_sequence {
        metadata.warnings.push(FIRST_FRAME_ONLY.into());
    }
    if container.has_invalid_crop {
        metadata.warnings.push("The file's cropping was rounded: it does not lie on whole pixels of the image.".into());
    }
    metadata
}

/// Whether an upright image has the size that the container states. A crop that is not of whole pixels may be rounded.
fn has_size(container: &Container<'_>, upright: (u32, u32)) -> bool {
    let is_quarter = |turn: &&Turn| matches!(turn, Turn::Rotate(1 | 3));
    let is_lying = container.turns.iter().filter(is_quarter).count() % 2 == 1;
    let (width, height) = if is_lying { (upright.1, upright.0) } else { upright };
    let stated = container.shown_size();
    let is_within = width > 0 && height > 0 && width <= stated.0 && height <= stated.1;
    if container.has_invalid_crop { is_within } else { (width, height) == stated }
}

fn convert<T: Sample>(
    container: &Container<'_>,
    pixels: &HeicPixels<'_>,
    target: TargetColors,
    metadata: &mut ImageMetadata,
) -> Result<SrgbImage, Error> {
    let (width, height) = pixels.size;
    let samples = if pixels.has_alpha { 4 } else { 3 };
    let row_length = width as usize * samples * size_of::<T>();
    if !has_size(container, pixels.size) {
        return Err(Error::damaged(KIND, "its stream and the image differ in size"));
    }
    if container.alpha.is_some() && !pixels.has_alpha {
        return Err(Error::undecodable(KIND, "the decoder returned no alpha"));
    }
    if pixels.depth > 16 || pixels.stride < row_length || pixels.data.len() < pixels.stride * height as usize {
        return Err(Error::undecodable(KIND, "the decoder returned too few samples"));
    }
    let encoding = match (container.profile, container.code_points) {
        (Some(profile), _) => ColorEncoding::Icc(profile),
        (None, Some(code_points)) => color_encoding(container, code_points),
        (None, None) => ColorEncoding::Unspecified,
    };
    let mode = match (pixels.has_alpha, container.is_premultiplied) {
        (false, _) => AlphaMode::Opaque,
        (true, false) => AlphaMode::Straight,
        (true, true) => AlphaMode::Premultiplied,
    };
    let conversion = Conversion::<T>::new(ColorModel::Rgb, encoding.towards(target), metadata);
    let largest = (1_u32 << pixels.depth) - 1;
    Ok(conversion.run(pixels.size, mode, |y, colors, opacities| {
        let row = &pixels.data[y * pixels.stride..][..row_length];
        let sample = |at: usize| {
            let stored = match row[at * size_of::<T>()..][..size_of::<T>()] {
                [low, high] => u32::from(u16::from_le_bytes([low, high])),
                [byte] => u32::from(byte),
                _ => 0,
            };
            T::from_u32((stored * T::MAX + largest / 2) / largest)
        };
        for (x, pixel) in colors.chunks_exact_mut(3).enumerate() {
            (0..3).for_each(|channel| pixel[channel] = sample(x * samples + channel));
        }
        opacities.iter_mut().enumerate().for_each(|(x, opacity)| *opacity = sample(x * samples + 3));
    }))
}
