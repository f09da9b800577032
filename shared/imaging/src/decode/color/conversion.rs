//! Converting the rows of one image to sRGB.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::encoding::ColorTask;
use super::method::Method;
use super::model::{AlphaMode, ColorModel};
use super::native::{NativeConversion, NativeMethod, NativeRequest};
use super::press::Press;
use super::sample::Sample;
use super::unblend::unblend;
use crate::native_colors::NativeColors;
use crate::photo::ImageMetadata;
use crate::planes::BlackPlane;
use crate::sample::{ColorSample, Colors};

const UNKNOWN_PRESS: &str = "The file has no usable CMYK profile: its inks were taken for offset printing on coated \
                             paper (ISO 12647-2). Embed a profile.";
/// Converted colors, and alpha of the same size if there is any. Colors are not premultiplied.
#[derive(Debug)]
pub(in crate::decode) struct SrgbImage {
    pub(in crate::decode) color: RgbImage,
    pub(in crate::decode) alpha: Option<GrayImage>,
    /// The colors of the most faithful file, if they are asked for and differ.
    pub(in crate::decode) native: Option<NativeColors>,
}

/// The conversion of one image's colors to sRGB.
pub(in crate::decode) struct Conversion<T: Sample> {
    model: ColorModel,
    method: Method<T>,
    native: Option<NativeConversion>,
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
    pub(in crate::decode) fn new(model: ColorModel, task: ColorTask<'_>, metadata: &mut ImageMetadata) -> Self {
        let profile = task.encoding.profile(model, metadata);
        let method = profile.as_ref().and_then(|profile| Method::by(profile, model, metadata));
        let is_usable = method.is_some();
        let method = method.unwrap_or_else(|| {
            if model != ColorModel::Cmyk {
                return Method::Keep;
            }
            metadata.converted_from = Some(model.name().into());
            // Of inks that are kept, no file shows that guess.
            if !task.keeps_colors() {
                metadata.warnings.push(UNKNOWN_PRESS.into());
            }
            Method::Press(Press::new::<T>())
        });
        let native = task.fidelity.and_then(|fidelity| {
            let profile = profile.as_ref().filter(|_| is_usable);
            let request = NativeRequest { fidelity, model, encoding: task.encoding, profile };
            NativeConversion::new(&request, &method, metadata)
        });
        Self { model, method, native }
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
        let native = self.native_colors((width, height), mode, &read_row);
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
            return SrgbImage { color, alpha: None, native };
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
        SrgbImage { color, alpha: Some(alpha), native }
    }

    /// The native colors, if there are any. Reads all rows once more, so that nobody else pays for it.
    fn native_colors(
        &self,
        (width, height): (u32, u32),
        mode: AlphaMode,
        read_row: &(impl Fn(usize, &mut [T], &mut [T]) + Sync),
    ) -> Option<NativeColors> {
        let native = self.native.as_ref()?;
        let columns = width as usize;
        let opacities = if mode == AlphaMode::Opaque { 0 } else { columns };
        let mut pixels = Colors::<u16>::new(width, height);
        let mut black = matches!(native.method, NativeMethod::Inks).then(|| BlackPlane::new(width, height));
        let read = |row: &mut Row<T>, opacities: &mut [T], y: usize| {
            read_row(y, &mut row.samples, opacities);
            for (pixel, opacity) in row.samples.chunks_exact_mut(self.model.samples()).zip(opacities.iter()) {
                unblend(pixel, *opacity, mode, self.model);
            }
        };
        let rows = pixels.par_chunks_exact_mut(columns * 3).enumerate();
        match &mut black {
            None => rows.for_each_init(
                || (self.row_buffers(columns), vec![T::default(); opacities], Vec::new()),
                |(row, opacities, scaled), (y, rgb)| {
                    read(row, opacities, y);
                    self.convert_native_row(&native.method, row, scaled, rgb);
                },
            ),
            Some(black) => rows.zip(black.par_chunks_exact_mut(columns)).for_each_init(
                || (self.row_buffers(columns), vec![T::default(); opacities]),
                |(row, opacities), ((y, color), black)| {
                    read(row, opacities, y);
                    leave_light(&row.samples, color, black);
                },
            ),
        }
        Some(NativeColors { pixels, black, file: native.file.clone() })
    }

    /// Converts a row to native colors. `scaled` is a buffer.
    fn convert_native_row(&self, native: &NativeMethod, row: &mut Row<T>, scaled: &mut Vec<u16>, rgb: &mut [u16]) {
        match (native, &self.method) {
            (NativeMethod::Scale, _) if self.model == ColorModel::Gray => {
                for (pixel, gray) in rgb.chunks_exact_mut(3).zip(&row.samples) {
                    pixel.fill(gray.to_u16());
                }
            }
            (NativeMethod::Scale | NativeMethod::Inks, _) => {
                for (to, sample) in rgb.iter_mut().zip(&row.samples) {
                    *to = sample.to_u16();
                }
            }
            (NativeMethod::Profile { transform, black_point }, _) => {
                scaled.clear();
                scaled.extend(row.samples.iter().map(|sample| sample.to_u16()));
                // The transform fails only if the lengths of the rows disagree.
                if transform.transform(scaled, rgb).is_err() {
                    rgb.fill(0);
                }
                if let Some(black_point) = black_point {
                    rgb.iter_mut().for_each(|value| *value = black_point[usize::from(*value)]);
                }
            }
            (NativeMethod::Like8Bit, Method::ToneMapping(mapping)) => {
                mapping.convert_deep(&row.samples, self.model, rgb);
            }
            (NativeMethod::Like8Bit, Method::Press(press)) => press.convert_deep(&row.samples, rgb),
            (NativeMethod::Like8Bit, Method::Keep | Method::Profile { .. }) => {
                let mut narrow = vec![0; rgb.len()];
                self.convert_row(row, &mut narrow);
                for (to, sample) in rgb.iter_mut().zip(narrow) {
                    *to = sample.to_u16();
                }
            }
        }
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

impl Conversion<u8> {
    /// Converts RGB in place, which takes no second image.
    pub(in crate::decode) fn run_in_place(&self, mut color: RgbImage) -> SrgbImage {
        let (columns, stored) = (color.width() as usize, &color);
        let native =
            self.native_colors(color.dimensions(), AlphaMode::Opaque, &|y, samples: &mut [u8], _: &mut [u8]| {
                samples.copy_from_slice(&stored.as_raw()[y * columns * 3..][..columns * 3]);
            });
        if matches!(self.method, Method::Keep) {
            return SrgbImage { color, alpha: None, native };
        }
        color.par_chunks_exact_mut(columns * 3).for_each_init(
            || self.row_buffers(columns),
            |row, rgb| {
                row.samples.copy_from_slice(rgb);
                self.convert_row(row, rgb);
            },
        );
        SrgbImage { color, alpha: None, native }
    }
}

/// Writes a row of inks as the light that they leave.
fn leave_light<T: Sample>(inks: &[T], color: &mut [u16], black: &mut [u16]) {
    for ((inks, color), black) in inks.as_chunks::<4>().0.iter().zip(color.as_chunks_mut::<3>().0).zip(black) {
        let [cyan, magenta, yellow, full] = inks.map(|ink| u16::MAX - ink.to_u16());
        (*color, *black) = ([cyan, magenta, yellow], full);
    }
}

fn narrow<T: Sample>(samples: &[T], bytes: &mut [u8]) {
    for (byte, sample) in bytes.iter_mut().zip(samples) {
        *byte = sample.to_u8();
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoding::{ColorEncoding, TargetColors};
    use cutline_core::domain::fidelity::{ColorSpace, Depth, Fidelity};
    use moxcms::ColorProfile;

    use super::*;
    use crate::file_colors::{BitDepth, EmbeddedProfile, FileColors};

    #[test]
    fn leaves_colors_with_an_srgb_profile_alone() {
        let mut metadata = ImageMetadata::default();
        let profile = ColorProfile::new_srgb().encode().expect("encodes");
        let conversion = Conversion::<u8>::new(
            ColorModel::Rgb,
            ColorEncoding::Icc(&profile).towards(TargetColors::Srgb),
            &mut metadata,
        );
        assert!(matches!(conversion.method, Method::Keep));
        assert_eq!(metadata, ImageMetadata::default());
    }

    #[test]
    fn takes_inks_without_a_profile_for_print() {
        let mut metadata = ImageMetadata::default();
        let conversion = Conversion::<u8>::new(
            ColorModel::Cmyk,
            ColorEncoding::Unspecified.towards(TargetColors::Srgb),
            &mut metadata,
        );
        let image = conversion.run((2, 1), AlphaMode::Opaque, |_, row, _| {
            row.copy_from_slice(&[0, 0, 0, 0, 255, 255, 255, 255]);
        });
        assert_eq!((image.color.as_raw().as_slice(), image.alpha), ([255, 255, 255, 0, 0, 0].as_slice(), None));
        assert_eq!((metadata.converted_from.as_deref(), metadata.warnings.len()), (Some("CMYK"), 1));
    }

    #[test]
    fn kept_inks_are_scaled_and_nothing_else() {
        let keep = |depth| TargetColors::Faithful(Fidelity { depth, color: ColorSpace::Keep });
        let mut metadata = ImageMetadata::default();
        let task = ColorEncoding::Unspecified.towards(keep(Depth::Keep));
        let conversion = Conversion::<u8>::new(ColorModel::Cmyk, task, &mut metadata);
        let image = conversion.run((2, 1), AlphaMode::Opaque, |_, row, _| {
            row.copy_from_slice(&[0, 0, 0, 0, 10, 20, 30, 255]);
        });
        let native = image.native.expect("are kept");
        assert_eq!(native.pixels.as_raw(), &[65_535, 65_535, 65_535, 245 * 257, 235 * 257, 225 * 257]);
        assert_eq!(native.black.map(BlackPlane::into_raw), Some(vec![65_535, 0]));
        assert_eq!(native.file, FileColors { depth: BitDepth::Eight, profile: EmbeddedProfile::Inks(None) });
        assert_eq!(metadata.converted_from, None);
        let [warning] = metadata.warnings.as_slice() else { panic!("{:?}", metadata.warnings) };
        assert!(warning.contains("its inks were kept"), "{warning}");

        // 16 bits stay as they are.
        let conversion = Conversion::<u16>::new(ColorModel::Cmyk, task, &mut metadata);
        let image = conversion.run((1, 1), AlphaMode::Opaque, |_, row, _| row.copy_from_slice(&[1, 2, 3, 65_534]));
        let native = image.native.expect("are kept");
        assert_eq!(native.pixels.as_raw(), &[65_534, 65_533, 65_532]);
        assert_eq!((native.black.map(BlackPlane::into_raw), native.file.depth), (Some(vec![1]), BitDepth::Sixteen));
    }
}
