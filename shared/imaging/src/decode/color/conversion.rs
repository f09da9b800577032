//! Converting the rows of one image to sRGB.

use std::sync::Arc;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::black_point::black_point;
use super::encoding::{ColorEncoding, UNUSABLE_PROFILE, is_srgb, profile_name};
use super::model::{AlphaMode, ColorModel};
use super::sample::{Sample, Transform};
use super::unblend::unblend;
use crate::photo::ImageMetadata;

const NAIVE_CMYK: &str = "The file has no usable CMYK profile: its inks were mixed naively, so colors may look too \
                          bright. Embed a profile.";

/// Converted colors, and alpha of the same size if there is any. Colors are not premultiplied.
#[derive(Debug)]
pub(in crate::decode) struct SrgbImage {
    pub(in crate::decode) color: RgbImage,
    pub(in crate::decode) alpha: Option<GrayImage>,
}

/// The conversion of one image's colors to sRGB.
pub(in crate::decode) struct Conversion<T: Sample> {
    model: ColorModel,
    /// `None` if samples are sRGB already, or are inks without a profile.
    transform: Option<Arc<Transform<T>>>,
    /// For inks, the black point compensation of each converted value.
    black_point: Option<[u8; 256]>,
}

/// Buffers of one row.
struct Row<T> {
    /// Samples as stored, pixel by pixel.
    samples: Vec<T>,
    /// RGB as converted.
    converted: Vec<T>,
}

impl<T: Sample> Conversion<T> {
    /// Prepares a conversion. Records in `metadata` the color space that is converted from, and warnings.
    pub(in crate::decode) fn new(model: ColorModel, encoding: ColorEncoding<'_>, metadata: &mut ImageMetadata) -> Self {
        let profile = encoding.profile(model, metadata);
        let transform = profile.as_ref().and_then(|profile| {
            let Some(transform) = T::transform(profile, model.layout()) else {
                metadata.warnings.push(UNUSABLE_PROFILE.into());
                return None;
            };
            // Converting sRGB to sRGB could only add rounding errors.
            (!is_srgb(profile, model)).then(|| {
                metadata.converted_from = Some(profile_name(profile, model));
                transform
            })
        });
        if transform.is_none() && model == ColorModel::Cmyk {
            metadata.converted_from = Some(ColorModel::Cmyk.name().into());
            metadata.warnings.push(NAIVE_CMYK.into());
        }
        let black_point = transform.as_deref().filter(|_| model == ColorModel::Cmyk).map(black_point);
        Self { model, transform, black_point }
    }

    /// Converts an image, row by row on several threads.
    ///
    /// `read_row(y, samples, alpha)` writes the samples of row `y`, pixel by pixel, and its alpha. The slice for alpha
    /// is empty if `mode` is [`AlphaMode::Opaque`].
    pub(in crate::decode) fn run(
        &self,
        (width, height): (u32, u32),
        mode: AlphaMode,
        read_row: impl Fn(usize, &mut [T], &mut [T]) + Sync,
    ) -> SrgbImage {
        let columns = width as usize;
        let mut color = RgbImage::new(width, height);
        let rows = color.par_chunks_exact_mut(columns * 3).enumerate();
        if mode == AlphaMode::Opaque {
            rows.for_each_init(
                || self.row_buffers(columns),
                |row, (y, rgb)| {
                    read_row(y, &mut row.samples, &mut []);
                    self.convert_row(row, rgb);
                },
            );
            return SrgbImage { color, alpha: None };
        }
        let mut alpha = GrayImage::new(width, height);
        rows.zip(alpha.par_chunks_exact_mut(columns)).for_each_init(
            || (self.row_buffers(columns), vec![T::default(); columns]),
            |(row, opacities), ((y, rgb), alpha)| {
                read_row(y, &mut row.samples, opacities);
                for (pixel, opacity) in row.samples.chunks_exact_mut(self.model.samples()).zip(opacities.iter()) {
                    unblend(pixel, *opacity, mode, self.model);
                }
                self.convert_row(row, rgb);
                for (alpha, opacity) in alpha.iter_mut().zip(opacities) {
                    *alpha = opacity.to_u8();
                }
            },
        );
        SrgbImage { color, alpha: Some(alpha) }
    }

    fn row_buffers(&self, columns: usize) -> Row<T> {
        Row { samples: vec![T::default(); columns * self.model.samples()], converted: vec![T::default(); columns * 3] }
    }

    fn convert_row(&self, row: &mut Row<T>, rgb: &mut [u8]) {
        // The transform fails only if the lengths of the rows disagree.
        if let Some(transform) = &self.transform
            && transform.transform(&row.samples, &mut row.converted).is_ok()
        {
            narrow(&row.converted, rgb);
            if let Some(black_point) = &self.black_point {
                rgb.iter_mut().for_each(|value| *value = black_point[usize::from(*value)]);
            }
            return;
        }
        match self.model {
            ColorModel::Rgb => narrow(&row.samples, rgb),
            ColorModel::Gray => {
                for (pixel, gray) in rgb.chunks_exact_mut(3).zip(&row.samples) {
                    pixel.fill(gray.to_u8());
                }
            }
            ColorModel::Cmyk => {
                for (pixel, inks) in rgb.chunks_exact_mut(3).zip(row.samples.chunks_exact(4)) {
                    mix_inks(inks, pixel);
                }
            }
        }
    }
}

impl Conversion<u8> {
    /// Converts RGB in place, which takes no second image.
    pub(in crate::decode) fn run_in_place(&self, color: &mut RgbImage) {
        let Some(transform) = &self.transform else { return };
        let stride = color.width() as usize * 3;
        color.par_chunks_exact_mut(stride).for_each_init(
            || vec![0; stride],
            |converted, row| {
                // The transform fails only if the lengths of the rows disagree.
                if transform.transform(row, converted).is_ok() {
                    row.copy_from_slice(converted);
                }
            },
        );
    }
}

fn narrow<T: Sample>(samples: &[T], bytes: &mut [u8]) {
    for (byte, sample) in bytes.iter_mut().zip(samples) {
        *byte = sample.to_u8();
    }
}

/// Cyan, magenta, yellow and black to RGB without a profile: each ink takes away from one of red, green and blue, and
/// black from all. `(1 - ink) * (1 - black)`.
fn mix_inks<T: Sample>(inks: &[T], rgb: &mut [u8]) {
    let light = |ink: T| 255 - u32::from(ink.to_u8());
    for (value, ink) in rgb.iter_mut().zip(inks) {
        *value = ((light(*ink) * light(inks[3]) + 127) / 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use moxcms::ColorProfile;

    use super::*;

    #[test]
    fn leaves_colors_with_an_srgb_profile_alone() {
        let mut metadata = ImageMetadata::default();
        let profile = ColorProfile::new_srgb().encode().expect("encodes");
        let conversion = Conversion::<u8>::new(ColorModel::Rgb, ColorEncoding::Icc(&profile), &mut metadata);
        assert!(conversion.transform.is_none());
        assert_eq!(metadata, ImageMetadata::default());
    }

    #[test]
    fn mixes_inks_naively_without_a_profile() {
        let mut metadata = ImageMetadata::default();
        let conversion = Conversion::<u8>::new(ColorModel::Cmyk, ColorEncoding::Unspecified, &mut metadata);
        let image = conversion.run((2, 1), AlphaMode::Opaque, |_, row, _| {
            row.copy_from_slice(&[0, 255, 51, 0, 0, 0, 0, 255]);
        });
        assert_eq!((image.color.as_raw().as_slice(), image.alpha), ([255, 0, 204, 0, 0, 0].as_slice(), None));
        assert_eq!((metadata.converted_from.as_deref(), metadata.warnings.len()), (Some("CMYK"), 1));
    }
}
