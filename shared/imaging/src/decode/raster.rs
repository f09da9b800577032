//! Interleaved samples, as the decoders of the `image` crate and of GIF return them.

use cutline_core::domain::kind::ImageKind;
use image::{DynamicImage, ImageDecoder, ImageError};

use super::animation::{self, FrameSource};
use super::color::{AlphaMode, ColorModel, ColorTask, Conversion, Sample, SrgbImage};
use super::limits::Limits;
use super::metadata::MetadataSources;
use super::upright::upright;
use crate::error::Error;
use crate::photo::{ImageMetadata, Photo};

/// How a file's colors are decoded, and where its metadata comes from.
pub(super) struct Description<'a> {
    pub(super) sources: MetadataSources<'a>,
    pub(super) task: ColorTask<'a>,
    /// Decodes the frames, if the file has several.
    pub(super) frames: Option<FrameSource<'a>>,
}

/// Decodes with a decoder of the `image` crate.
pub(super) fn decode(
    kind: ImageKind,
    decoder: impl ImageDecoder,
    limits: &Limits,
    description: &Description<'_>,
) -> Result<Photo, Error> {
    limits.check(decoder.dimensions(), decoder.color_type().bytes_per_pixel())?;
    let image = DynamicImage::from_decoder(decoder).map_err(|error| decoder_error(kind, error))?;
    let (image, animated) = match description.frames {
        Some(frames) => {
            let (image, warning) = animation::used_frame(image, frames, limits);
            (image, Some(warning))
        }
        None => (image, None),
    };
    let mut metadata = description.sources.merge();
    let task = description.task.or_exif(description.sources.is_adobe_rgb());
    let image = convert(kind, image, task, &mut metadata)?;
    metadata.warnings.extend(animated);
    upright(kind, image, &[description.sources.orientation()], metadata)
}

fn convert(
    kind: ImageKind,
    image: DynamicImage,
    task: ColorTask<'_>,
    metadata: &mut ImageMetadata,
) -> Result<SrgbImage, Error> {
    use ColorModel::{Gray, Rgb};
    let size = (image.width(), image.height());
    Ok(match image {
        DynamicImage::ImageRgb8(color) => Conversion::<u8>::new(Rgb, task, metadata).run_in_place(color),
        DynamicImage::ImageLuma8(image) => convert_samples::<u8, 1>(&image, size, Gray, task, metadata),
        DynamicImage::ImageLumaA8(image) => convert_samples::<u8, 2>(&image, size, Gray, task, metadata),
        DynamicImage::ImageRgba8(image) => convert_samples::<u8, 4>(&image, size, Rgb, task, metadata),
        DynamicImage::ImageLuma16(image) => convert_samples::<u16, 1>(&image, size, Gray, task, metadata),
        DynamicImage::ImageLumaA16(image) => convert_samples::<u16, 2>(&image, size, Gray, task, metadata),
        DynamicImage::ImageRgb16(image) => convert_samples::<u16, 3>(&image, size, Rgb, task, metadata),
        DynamicImage::ImageRgba16(image) => convert_samples::<u16, 4>(&image, size, Rgb, task, metadata),
        _ => return Err(Error::damaged(kind, "its samples are of a type that the format does not have")),
    })
}

/// Converts pixels of `N` samples. If the model has one sample less, the last one is straight alpha.
pub(super) fn convert_samples<T: Sample, const N: usize>(
    samples: &[T],
    size: (u32, u32),
    model: ColorModel,
    task: ColorTask<'_>,
    metadata: &mut ImageMetadata,
) -> SrgbImage {
    let (colors, stride) = (model.samples(), size.0 as usize * N);
    let conversion = Conversion::<T>::new(model, task, metadata);
    let mode = if N > colors { AlphaMode::Straight } else { AlphaMode::Opaque };
    conversion.run(size, mode, |y, row, alpha| {
        let stored = &samples[y * stride..][..stride];
        if N == colors {
            row.copy_from_slice(stored);
            return;
        }
        for ((stored, pixel), alpha) in stored.chunks_exact(N).zip(row.chunks_exact_mut(colors)).zip(alpha) {
            pixel.copy_from_slice(&stored[..colors]);
            *alpha = stored[colors];
        }
    })
}

/// The error of a decoder of the `image` crate.
pub(super) fn decoder_error(kind: ImageKind, error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => Error::TooMuchMemory,
        ImageError::Unsupported(_) => {
            Error::unsupported(kind, "a rare variant of the format", "save it with default settings").caused_by(error)
        }
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::truncated(kind).caused_by(error)
        }
        _ => Error::undecodable(kind, error),
    }
}
