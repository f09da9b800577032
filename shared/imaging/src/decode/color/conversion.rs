//! Converting the rows of one image to sRGB.

use std::sync::Arc;

use image::{GrayImage, RgbImage};
use moxcms::ColorProfile;
use rayon::prelude::*;

use super::black_point::black_point;
use super::encoding::{ColorEncoding, UNUSABLE_PROFILE, is_srgb, profile_name};
use super::model::{AlphaMode, ColorModel};
use super::press::Press;
use super::sample::{Sample, Transform};
use super::tone_map::{HdrCurve, ToneMapping};
use super::unblend::unblend;
use crate::photo::ImageMetadata;

const UNKNOWN_PRESS: &str = "The file has no usable CMYK profile: its inks were taken for offset printing on coated \
                             paper (ISO 12647-2). Embed a profile.";
const TONE_MAPPED: &str = "The image was tone-mapped from HDR: its reference white became white, and brighter \
                           highlights were compressed.";

/// Converted colors, and alpha of the same size if there is any. Colors are not premultiplied.
#[derive(Debug)]
pub(in crate::decode) struct SrgbImage {
    pub(in crate::decode) color: RgbImage,
    pub(in crate::decode) alpha: Option<GrayImage>,
}

/// The conversion of one image's colors to sRGB.
pub(in crate::decode) struct Conversion<T: Sample> {
    model: ColorModel,
    method: Method<T>,
}

/// How samples become sRGB.
enum Method<T: Sample> {
    /// They are sRGB already.
    Keep,
    /// By a profile; for inks with the black point compensation of each converted value.
    Profile { transform: Arc<Transform<T>>, black_point: Option<[u8; 256]> },
    /// From HDR.
    ToneMapping(ToneMapping),
    /// Inks without a profile.
    Press(Press),
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
        let method = encoding.profile(model, metadata).and_then(|profile| Method::by(&profile, model, metadata));
        let method = method.unwrap_or_else(|| {
            if model != ColorModel::Cmyk {
                return Method::Keep;
            }
            metadata.converted_from = Some(model.name().into());
            metadata.warnings.push(UNKNOWN_PRESS.into());
            Method::Press(Press::new::<T>())
        });
        Self { model, method }
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
        match &self.method {
            Method::Keep => self.keep_row(row, rgb),
            Method::ToneMapping(mapping) => mapping.convert(&row.samples, self.model, rgb),
            Method::Press(press) => press.convert(&row.samples, rgb),
            // The transform fails only if the lengths of the rows disagree.
            Method::Profile { transform, .. } if transform.transform(&row.samples, &mut row.converted).is_err() => {
                self.keep_row(row, rgb);
            }
            Method::Profile { black_point, .. } => {
                narrow(&row.converted, rgb);
                if let Some(black_point) = black_point {
                    rgb.iter_mut().for_each(|value| *value = black_point[usize::from(*value)]);
                }
            }
        }
    }

    /// Writes RGB or gray as it is.
    fn keep_row(&self, row: &Row<T>, rgb: &mut [u8]) {
        if self.model == ColorModel::Gray {
            for (pixel, gray) in rgb.chunks_exact_mut(3).zip(&row.samples) {
                pixel.fill(gray.to_u8());
            }
        } else {
            narrow(&row.samples, rgb);
        }
    }
}

impl<T: Sample> Method<T> {
    /// The method for a profile; `None` if it is unusable.
    fn by(profile: &ColorProfile, model: ColorModel, metadata: &mut ImageMetadata) -> Option<Self> {
        if let Some(curve) = HdrCurve::of(profile) {
            metadata.converted_from = Some(profile_name(profile, model));
            metadata.warnings.push(TONE_MAPPED.into());
            return Some(Self::ToneMapping(ToneMapping::new::<T>(curve, profile, model)));
        }
        let Some(transform) = T::transform(profile, model.layout()) else {
            metadata.warnings.push(UNUSABLE_PROFILE.into());
            return None;
        };
        // Converting sRGB to sRGB could only add rounding errors.
        if is_srgb(profile, model) {
            return Some(Self::Keep);
        }
        metadata.converted_from = Some(profile_name(profile, model));
        let black_point = (model == ColorModel::Cmyk).then(|| black_point(&*transform));
        Some(Self::Profile { transform, black_point })
    }
}

impl Conversion<u8> {
    /// Converts RGB in place, which takes no second image.
    pub(in crate::decode) fn run_in_place(&self, color: &mut RgbImage) {
        if matches!(self.method, Method::Keep) {
            return;
        }
        let columns = color.width() as usize;
        color.par_chunks_exact_mut(columns * 3).for_each_init(
            || self.row_buffers(columns),
            |row, rgb| {
                row.samples.copy_from_slice(rgb);
                self.convert_row(row, rgb);
            },
        );
    }
}

fn narrow<T: Sample>(samples: &[T], bytes: &mut [u8]) {
    for (byte, sample) in bytes.iter_mut().zip(samples) {
        *byte = sample.to_u8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_colors_with_an_srgb_profile_alone() {
        let mut metadata = ImageMetadata::default();
        let profile = ColorProfile::new_srgb().encode().expect("encodes");
        let conversion = Conversion::<u8>::new(ColorModel::Rgb, ColorEncoding::Icc(&profile), &mut metadata);
        assert!(matches!(conversion.method, Method::Keep));
        assert_eq!(metadata, ImageMetadata::default());
    }

    #[test]
    fn takes_inks_without_a_profile_for_print() {
        let mut metadata = ImageMetadata::default();
        let conversion = Conversion::<u8>::new(ColorModel::Cmyk, ColorEncoding::Unspecified, &mut metadata);
        let image = conversion.run((2, 1), AlphaMode::Opaque, |_, row, _| {
            row.copy_from_slice(&[0, 0, 0, 0, 255, 255, 255, 255]);
        });
        assert_eq!((image.color.as_raw().as_slice(), image.alpha), ([255, 255, 255, 0, 0, 0].as_slice(), None));
        assert_eq!((metadata.converted_from.as_deref(), metadata.warnings.len()), (Some("CMYK"), 1));
    }
}
