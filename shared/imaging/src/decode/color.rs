//! From the colors of a file to sRGB in eight bits. Cameras, telephones and printers' files hold wider spaces or
//! inks; their numbers taken for sRGB look pale or wrong, and no output of ours carries a profile.
//!
//! Colors go through the ICC profile of the file (perceptual intent, inks with black point compensation), 16-bit ones before they are made 8-bit ones.
//! Without a profile, RGB and gray are taken for sRGB, and CMYK is mixed the plain way, in which each ink takes away
//! from one of red, green and blue and black from all: `(1 - ink) * (1 - black)`. That is what browsers do.

use image::{GrayImage, RgbImage};
use moxcms::{
    CicpProfile, ColorProfile, DataColorSpace, Layout, ProfileText, TransferCharacteristics, TransformExecutor,
    TransformOptions,
};
use rayon::prelude::*;
use std::sync::Arc;

use super::meta::tidy;
use crate::photo::ImageMetadata;

/// The longest profile that is read, in bytes. Those of presses have a few megabytes, and the parser takes no more.
const MAX_PROFILE: usize = 10 << 20;

const UNUSABLE: &str = "The file's color profile could not be used; the colors are taken as they are.";

/// What the samples of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// One sample, 0 is black.
    Gray,
    /// Three samples.
    Rgb,
    /// Four samples, 0 is no ink.
    Cmyk,
}

impl Model {
    pub(super) const fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Rgb => "RGB",
            Self::Cmyk => "CMYK",
        }
    }
}

/// What a file says about its colors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    /// Nothing.
    Nothing,
    /// An ICC profile.
    Icc(&'a [u8]),
    /// Code points of ITU-T H.273, in RGB.
    Cicp(CicpProfile),
}

impl<'a> From<Option<&'a [u8]>> for Told<'a> {
    fn from(profile: Option<&'a [u8]>) -> Self {
        profile.map_or(Self::Nothing, Self::Icc)
    }
}

/// A sample of 8 or 16 bits.
pub(super) trait Sample: Copy + Default + Send + Sync + 'static {
    /// The largest value.
    const MAX: u32;

    fn wide(self) -> u32;

    /// The sample in eight bits, rounded.
    fn narrow(self) -> u8;

    /// A number of at most [`Self::MAX`].
    fn of(number: u32) -> Self;

    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>>;
}

/// A conversion of whole rows to sRGB.
pub(super) type Transform<T> = dyn TransformExecutor<T> + Send + Sync;

impl Sample for u8 {
    const MAX: u32 = 255;

    fn wide(self) -> u32 {
        self.into()
    }

    fn narrow(self) -> u8 {
        self
    }

    fn of(number: u32) -> Self {
        number.min(Self::MAX.into()) as Self
    }

    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>> {
        let options = TransformOptions::default();
        profile.create_transform_8bit(from, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()
    }
}

impl Sample for u16 {
    const MAX: u32 = 65_535;

    fn wide(self) -> u32 {
        self.into()
    }

    fn narrow(self) -> u8 {
        ((u32::from(self) * 255 + 32_767) / 65_535) as u8
    }

    fn of(number: u32) -> Self {
        number.min(Self::MAX.into()) as Self
    }

    fn transform(profile: &ColorProfile, from: Layout) -> Option<Arc<Transform<Self>>> {
        let options = TransformOptions::default();
        profile.create_transform_16bit(from, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()
    }
}

/// How alpha is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    None,
    /// Beside colors that are whole.
    Straight,
    /// Multiplied into the colors.
    Premultiplied,
    /// The colors are laid over white, or over paper without ink.
    OverWhite,
}

/// The conversion of one picture's colors to sRGB.
pub(super) struct Conversion<T: Sample> {
    model: Model,
    transform: Option<Arc<Transform<T>>>,
    /// Of inks, what each value becomes once the blackest that the press prints is black.
    black: Option<[u8; 256]>,
}

impl<T: Sample> Conversion<T> {
    /// Prepares it, and notes in `about` what is converted from and what had to be assumed.
    pub(super) fn new(model: Model, told: Told<'_>, metadata: &mut ImageMetadata) -> Self {
        let profile = match told {
            Told::Nothing => None,
            Told::Icc(bytes) => icc(bytes, model, metadata),
            Told::Cicp(cicp) => cicp_profile(cicp, model, metadata),
        };
        let transform = profile.as_ref().and_then(|profile| {
            let Some(transform) = T::transform(profile, layout(model)) else {
                metadata.warnings.push(UNUSABLE.into());
                return None;
            };
            // What changes no color is left out: it could only round.
            (!changes_nothing(profile, model)).then(|| {
                metadata.converted_from = Some(name(profile, model));
                transform
            })
        });
        if transform.is_none() && model == Model::Cmyk {
            metadata.converted_from = Some("CMYK".into());
            let warning = "The file has no usable CMYK profile; its inks were mixed the plain way, so that colors may look too bright.";
            metadata.warnings.push(warning.into());
        }
        let black = transform.as_deref().filter(|_| model == Model::Cmyk).map(black_point);
        Self { model, transform, black }
    }

    /// Converts a picture, row by row and on several threads. `fill` writes the row of a number: its colors and,
    /// if there is alpha, that.
    pub(super) fn run(
        &self,
        (width, height): (u32, u32),
        stored: Alpha,
        fill: impl Fn(usize, &mut [T], &mut [T]) + Sync,
    ) -> (RgbImage, Option<GrayImage>) {
        let across = width as usize;
        let mut color = RgbImage::new(width, height);
        let rows = color.par_chunks_exact_mut(across * 3).enumerate();
        if stored == Alpha::None {
            rows.for_each_init(
                || self.buffers(across),
                |buffers, (y, row)| {
                    fill(y, &mut buffers.0, &mut []);
                    self.row(buffers, row);
                },
            );
            return (color, None);
        }
        let mut opacity = GrayImage::new(width, height);
        rows.zip(opacity.par_chunks_exact_mut(across)).for_each_init(
            || (self.buffers(across), vec![T::default(); across]),
            |(buffers, samples), ((y, row), opacity)| {
                fill(y, &mut buffers.0, samples);
                for (pixel, alpha) in buffers.0.chunks_exact_mut(self.model.samples()).zip(samples.iter()) {
                    straighten(pixel, *alpha, stored, self.model);
                }
                self.row(buffers, row);
                for (opacity, alpha) in opacity.iter_mut().zip(samples) {
                    *opacity = alpha.narrow();
                }
            },
        );
        (color, Some(opacity))
    }

    fn buffers(&self, across: usize) -> (Vec<T>, Vec<T>) {
        (vec![T::default(); across * self.model.samples()], vec![T::default(); across * 3])
    }

    /// Converts a row of `buffers.0` into `row`.
    fn row(&self, (samples, converted): &mut (Vec<T>, Vec<T>), row: &mut [u8]) {
        // The transform refuses only rows whose lengths differ.
        if let Some(transform) = &self.transform
            && transform.transform(samples, converted).is_ok()
        {
            for (to, from) in row.iter_mut().zip(converted) {
                *to = from.narrow();
            }
            if let Some(black) = &self.black {
                row.iter_mut().for_each(|value| *value = black[usize::from(*value)]);
            }
            return;
        }
        match self.model {
            Model::Rgb => {
                for (to, from) in row.iter_mut().zip(samples) {
                    *to = from.narrow();
                }
            }
            Model::Gray => {
                for (to, from) in row.chunks_exact_mut(3).zip(samples) {
                    to.fill(from.narrow());
                }
            }
            Model::Cmyk => {
                for (to, inks) in row.chunks_exact_mut(3).zip(samples.chunks_exact(4)) {
                    let light = |ink: T| 255 - u32::from(ink.narrow());
                    for (to, ink) in to.iter_mut().zip(inks) {
                        *to = ((light(*ink) * light(inks[3]) + 127) / 255) as u8;
                    }
                }
            }
        }
    }
}

impl Conversion<u8> {
    /// Converts colors where they stand, which takes no further memory.
    pub(super) fn in_place(&self, color: &mut RgbImage) {
        let Some(transform) = &self.transform else { return };
        let across = color.width() as usize * 3;
        color.par_chunks_exact_mut(across).for_each_init(
            || vec![0; across],
            |converted, row| {
                // The transform refuses only rows whose lengths differ.
                if transform.transform(row, converted).is_ok() {
                    row.copy_from_slice(converted);
                }
            },
        );
    }
}

/// Black point compensation (ISO 18619), which the library does not do and without which what is printed black looks
/// gray: what all inks together give becomes black, white stays, and light is scaled between them. In XYZ that is the
/// same for each axis, since the black is taken to be neutral, and so it is for each channel of linear sRGB.
fn black_point<T: Sample>(transform: &Transform<T>) -> [u8; 256] {
    let mut blackest = [T::default(); 3];
    let linear = |value: f32| if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
    let curve = |light: f32| if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    let black = match transform.transform(&[T::of(T::MAX); 4], &mut blackest) {
        Ok(()) => {
            let [red, green, blue] = blackest.map(|value| linear(value.wide() as f32 / T::MAX as f32));
            // No press leaves half of the light.
            (0.2126 * red + 0.7152 * green + 0.0722 * blue).min(0.5)
        }
        Err(_) => 0.0,
    };
    std::array::from_fn(|value| {
        let light = (linear(value as f32 / 255.0) - black) / (1.0 - black);
        (curve(light.max(0.0)) * 255.0).round() as u8
    })
}

/// Undoes what alpha was mixed into the colors of a pixel with. Of what is wholly transparent nothing is known.
fn straighten<T: Sample>(pixel: &mut [T], alpha: T, stored: Alpha, model: Model) {
    let (max, alpha) = (T::MAX, alpha.wide());
    // White is 0 where it is paper without ink.
    let white = if stored == Alpha::OverWhite && model != Model::Cmyk { max } else { 0 };
    if matches!(stored, Alpha::None | Alpha::Straight) || alpha == 0 || alpha == max {
        return;
    }
    for sample in pixel {
        let front = u64::from(sample.wide()) * u64::from(max);
        let back = u64::from(max - alpha) * u64::from(white);
        let whole = (front.saturating_sub(back) + u64::from(alpha / 2)) / u64::from(alpha);
        *sample = T::of(whole.min(max.into()) as u32);
    }
}

const fn layout(model: Model) -> Layout {
    match model {
        Model::Gray => Layout::Gray,
        Model::Rgb => Layout::Rgb,
        // The library's name for any four samples.
        Model::Cmyk => Layout::Rgba,
    }
}

/// A profile of the colors that the file has. One that is unreadable or of others is not used: that is what viewers
/// do.
fn icc(bytes: &[u8], model: Model, metadata: &mut ImageMetadata) -> Option<ColorProfile> {
    let space = match model {
        Model::Gray => DataColorSpace::Gray,
        Model::Rgb => DataColorSpace::Rgb,
        Model::Cmyk => DataColorSpace::Cmyk,
    };
    let usable = bytes.len() <= MAX_PROFILE && super::icc::check(bytes);
    let profile = usable.then(|| ColorProfile::new_from_slice(bytes).ok()).flatten();
    let fits = profile.filter(|profile| profile.color_space == space);
    if fits.is_none() {
        metadata.warnings.push(UNUSABLE.into());
    }
    fits
}

fn cicp_profile(cicp: CicpProfile, model: Model, metadata: &mut ImageMetadata) -> Option<ColorProfile> {
    if matches!(cicp.transfer_characteristics, TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg) {
        metadata.warnings.push("The picture is HDR; what is brighter than white was cut to white.".into());
    }
    let mut profile = ColorProfile::new_from_cicp(cicp);
    // Without curves nothing can be converted.
    let curve = profile.red_trc.clone()?;
    if model == Model::Gray {
        profile = ColorProfile::new_gray_with_gamma(1.0);
        profile.gray_trc = Some(curve);
    }
    // The name is what is wanted of it here; the library gives none.
    profile.description = Some(ProfileText::PlainString(cicp_name(cicp).into()));
    Some(profile)
}

fn cicp_name(cicp: CicpProfile) -> &'static str {
    use moxcms::CicpColorPrimaries as Primaries;
    match (cicp.color_primaries, cicp.transfer_characteristics) {
        (Primaries::Smpte432, TransferCharacteristics::Srgb) => "Display P3",
        (Primaries::Bt2020, TransferCharacteristics::Smpte2084) => "BT.2020 PQ",
        (Primaries::Bt2020, TransferCharacteristics::Hlg) => "BT.2020 HLG",
        (Primaries::Bt2020, _) => "BT.2020",
        (Primaries::Bt709, _) => "BT.709",
        _ => "RGB",
    }
}

/// Whether a conversion to sRGB leaves colors from all over the space as they are, by one step of 255 at most.
fn changes_nothing(profile: &ColorProfile, model: Model) -> bool {
    if model == Model::Cmyk {
        return false;
    }
    let Some(transform) = u8::transform(profile, layout(model)) else { return false };
    let steps = [0, 16, 51, 102, 128, 166, 204, 232, 255];
    let probes: Vec<[u8; 3]> = match model {
        Model::Gray => steps.map(|gray| [gray; 3]).to_vec(),
        _ => steps.iter().flat_map(|r| steps.iter().flat_map(move |g| steps.map(|b| [*r, *g, b]))).collect(),
    };
    let given: Vec<u8> = match model {
        Model::Gray => probes.iter().map(|probe| probe[0]).collect(),
        _ => probes.concat(),
    };
    let mut got = vec![0; probes.len() * 3];
    transform.transform(&given, &mut got).is_ok()
        && probes.as_flattened().iter().zip(&got).all(|(given, got)| given.abs_diff(*got) <= 1)
}

/// The name that a profile gives itself.
fn name(profile: &ColorProfile, model: Model) -> String {
    let told = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.as_str(),
        Some(ProfileText::Localizable(texts)) => {
            let english = texts.iter().find(|text| text.language == "en").or_else(|| texts.first());
            english.map_or("", |text| text.value.as_str())
        }
        Some(ProfileText::Description(text)) => text.ascii_string.as_str(),
        None => "",
    };
    let told = tidy(told);
    if told.is_empty() { model.name().into() } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_is_taken_out_of_the_colors() {
        let mut pixel = [50_u8, 100, 0];
        straighten(&mut pixel, 128, Alpha::Premultiplied, Model::Rgb);
        assert_eq!(pixel, [100, 199, 0]);
        let mut pixel = [(40_u32 * 128 / 255 + 127) as u8, 127, 255];
        straighten(&mut pixel, 128, Alpha::OverWhite, Model::Rgb);
        assert_eq!(pixel, [40, 0, 255]);
        let mut inks = [20_u16, 65_535, 0, 1];
        straighten(&mut inks, 32_768, Alpha::OverWhite, Model::Cmyk);
        assert_eq!(inks, [40, 65_535, 0, 2]);
    }

    #[test]
    fn srgb_by_any_name_is_not_converted() {
        let mut metadata = ImageMetadata::default();
        let profile = ColorProfile::new_srgb().encode().expect("encodes");
        let conversion = Conversion::<u8>::new(Model::Rgb, Told::Icc(&profile), &mut metadata);
        assert!(conversion.transform.is_none());
        assert_eq!(metadata, ImageMetadata::default());
    }

    #[test]
    fn inks_without_a_profile_are_mixed_the_plain_way() {
        let mut metadata = ImageMetadata::default();
        let conversion = Conversion::<u8>::new(Model::Cmyk, Told::Nothing, &mut metadata);
        let (color, alpha) = conversion.run((2, 1), Alpha::None, |_, row, _| {
            row.copy_from_slice(&[0, 255, 51, 0, 0, 0, 0, 255]);
        });
        assert_eq!((color.as_raw().as_slice(), alpha), ([255, 0, 204, 0, 0, 0].as_slice(), None));
        assert_eq!((metadata.converted_from.as_deref(), metadata.warnings.len()), (Some("CMYK"), 1));
    }
}
