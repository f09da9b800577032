//! The colors that a run works in: 8-bit sRGB, or those that its most faithful file holds.

use std::borrow::Cow;
use std::sync::Arc;

use cutline_core::domain::fidelity::{ColorSpace, Depth, Fidelity};
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::params::Color;
use image::{GrayImage, RgbImage};
use moxcms::{ColorProfile, Layout, TransformExecutor, TransformOptions};
use rayon::prelude::*;

use crate::compose::{Light, SrgbLight};
use crate::decode::{Decoding, inks_in_srgb};
use crate::digital_source_type::DigitalSourceType;
use crate::error::Error;
use crate::file_colors::{EmbeddedProfile, FileColors};
use crate::foreground::decontaminate;
use crate::native_colors::NativeColors;
use crate::planes::PlanarRgba;
use crate::profile_light::ProfileLight;
use crate::sample::{ColorSample, Colors};

/// The steps of 8-bit sRGB by which a color that was converted to another space and back may differ.
const CONVERSION_STEPS: u8 = 2;

/// Colors, and what their picture was made from, if its file says so.
pub(crate) type TypedColors<T> = (Colors<T>, Option<DigitalSourceType>);

/// Colors, and what is done in them.
pub(crate) trait Workspace: Sync {
    type Sample: ColorSample;
    type Light: Light<Self::Sample>;

    /// Linear light of the colors.
    fn light(&self) -> &Self::Light;

    /// How files of the colors are written.
    fn file(&self) -> &FileColors;

    /// An sRGB color.
    ///
    /// # Errors
    /// [`Error::UnsupportedFeature`] if the source's profile converts only from its colors.
    fn color(&self, color: Color) -> Result<[Self::Sample; 3], Error>;

    /// A picture over an sRGB color, and what it was made from, if its file says so.
    ///
    /// # Errors
    /// Those of [`Decoding::decode`] and of [`Self::color`].
    fn picture(&self, file: &[u8], behind: Color, decoding: &Decoding) -> Result<TypedColors<Self::Sample>, Error>;

    /// Colors that were whitened, which is done in 8-bit sRGB.
    ///
    /// # Errors
    /// [`Error::WhitenedNative`] if these are others.
    fn of_whitened(&self, colors: RgbImage) -> Result<Colors<Self::Sample>, Error>;

    /// The colors of a picture in 8-bit sRGB.
    fn to_srgb<'a>(&self, picture: &'a PlanarRgba<Self::Sample>) -> Cow<'a, RgbImage>;

    /// Replaces the colors of partial pixels by those of the subject alone.
    ///
    /// # Errors
    /// Those of [`decontaminate`].
    fn decontaminate(&self, colors: &mut Colors<Self::Sample>, alpha: &GrayImage) -> Result<(), Error>;

    /// The steps of 8-bit sRGB by which a color may differ that was written and read again.
    fn color_tolerance(&self) -> u8;
}

/// 8-bit sRGB.
pub(crate) struct SrgbWorkspace {
    light: SrgbLight,
    file: FileColors,
}

impl SrgbWorkspace {
    pub(crate) fn new() -> Self {
        Self { light: SrgbLight::new(), file: FileColors::SRGB }
    }
}

impl Workspace for SrgbWorkspace {
    type Sample = u8;
    type Light = SrgbLight;

    fn light(&self) -> &SrgbLight {
        &self.light
    }

    fn file(&self) -> &FileColors {
        &self.file
    }

    fn color(&self, color: Color) -> Result<[u8; 3], Error> {
        Ok(color.0)
    }

    fn picture(&self, file: &[u8], behind: Color, decoding: &Decoding) -> Result<TypedColors<u8>, Error> {
        let photo = decoding.decode(file)?;
        let source_type = photo.metadata().digital_source_type.clone();
        Ok((photo.on(behind.0), source_type))
    }

    fn of_whitened(&self, colors: RgbImage) -> Result<RgbImage, Error> {
        Ok(colors)
    }

    fn to_srgb<'a>(&self, picture: &'a PlanarRgba) -> Cow<'a, RgbImage> {
        Cow::Borrowed(picture.color())
    }

    fn decontaminate(&self, colors: &mut RgbImage, alpha: &GrayImage) -> Result<(), Error> {
        decontaminate(colors, alpha)
    }

    fn color_tolerance(&self) -> u8 {
        0
    }
}

/// A transform of RGB in 16 bits.
type Transform = Arc<dyn TransformExecutor<u16> + Send + Sync>;

/// Native colors.
pub(crate) struct NativeWorkspace {
    /// The kind of the source.
    kind: ImageKind,
    file: FileColors,
    light: ProfileLight,
    conversion: SrgbConversion,
}

/// The conversion between the colors and sRGB.
enum SrgbConversion {
    /// They are sRGB.
    None,
    /// By transforms. One from sRGB is missing if the profile has none.
    Profile { to: Option<Transform>, from: Option<Transform> },
    /// They are inks. Only previews are converted, and nothing becomes inks.
    Inks,
}

impl NativeWorkspace {
    /// The space of colors of a source of this kind.
    pub(crate) fn new(kind: ImageKind, file: FileColors) -> Self {
        let light = ProfileLight::of(&file.profile);
        let conversion = match &file.profile {
            EmbeddedProfile::Srgb | EmbeddedProfile::Untagged => SrgbConversion::None,
            EmbeddedProfile::Icc(bytes) => SrgbConversion::of(bytes),
            EmbeddedProfile::Inks(_) => SrgbConversion::Inks,
        };
        Self { kind, file, light, conversion }
    }

    /// Converts sRGB to the colors.
    fn convert(&self, srgb: Colors<u16>) -> Result<Colors<u16>, Error> {
        let transform = match &self.conversion {
            SrgbConversion::None => return Ok(srgb),
            SrgbConversion::Profile { from: Some(transform), .. } => transform,
            SrgbConversion::Profile { from: None, .. } => {
                let feature = "a color profile without a conversion from sRGB, which colors of a parameter set need";
                return Err(Error::unsupported(self.kind, feature, "send color=srgb"));
            }
            SrgbConversion::Inks => {
                return Err(Error::unsupported(self.kind, "colors of a parameter set among inks", "send color=srgb"));
            }
        };
        let mut converted = Colors::<u16>::new(srgb.width(), srgb.height());
        convert_rows(&srgb, &mut converted, transform);
        Ok(converted)
    }
}

impl SrgbConversion {
    fn of(profile: &[u8]) -> Self {
        let Ok(profile) = ColorProfile::new_from_slice(profile) else { return Self::None };
        let srgb = ColorProfile::new_srgb();
        let transform = |from: &ColorProfile, to: &ColorProfile| -> Option<Transform> {
            from.create_transform_16bit(Layout::Rgb, to, Layout::Rgb, TransformOptions::default())
                .map(|transform| transform as Transform)
                .ok()
        };
        Self::Profile { to: transform(&profile, &srgb), from: transform(&srgb, &profile) }
    }
}

/// Converts row by row on several threads.
fn convert_rows(from: &Colors<u16>, to: &mut Colors<u16>, transform: &Transform) {
    let stride = (from.width() as usize * 3).max(1);
    to.par_chunks_exact_mut(stride).zip(from.as_raw().par_chunks_exact(stride)).for_each(|(to, from)| {
        // The transform fails only if the lengths of the rows disagree.
        if transform.transform(from, to).is_err() {
            to.copy_from_slice(from);
        }
    });
}

impl Workspace for NativeWorkspace {
    type Sample = u16;
    type Light = ProfileLight;

    fn light(&self) -> &ProfileLight {
        &self.light
    }

    fn file(&self) -> &FileColors {
        &self.file
    }

    fn color(&self, color: Color) -> Result<[u16; 3], Error> {
        let one = Colors::<u16>::from_pixel(1, 1, image::Rgb(color.0.map(ColorSample::to_u16)));
        Ok(self.convert(one)?.get_pixel(0, 0).0)
    }

    fn picture(&self, file: &[u8], behind: Color, decoding: &Decoding) -> Result<TypedColors<u16>, Error> {
        let fidelity = Fidelity { depth: Depth::Sixteen, color: ColorSpace::Srgb };
        let mut photo = decoding.decode_faithful(file, fidelity)?;
        let source_type = photo.metadata().digital_source_type.clone();
        let native = photo.take_native();
        let NativeColors { mut pixels, .. } =
            native.unwrap_or_else(|| NativeColors::of_srgb(photo.color(), FileColors::SRGB));
        if let Some(alpha) = photo.alpha() {
            let behind = behind.0.map(|value| u32::from(value.to_u16()));
            for (pixel, alpha) in pixels.pixels_mut().zip(alpha.iter()) {
                let alpha = u32::from(*alpha);
                for (value, behind) in pixel.0.iter_mut().zip(behind) {
                    *value = u16::from_u32((value.to_u32() * alpha + behind * (255 - alpha) + 127) / 255);
                }
            }
        }
        Ok((self.convert(pixels)?, source_type))
    }

    fn of_whitened(&self, _: RgbImage) -> Result<Colors<u16>, Error> {
        Err(Error::WhitenedNative)
    }

    fn to_srgb<'a>(&self, picture: &'a PlanarRgba<u16>) -> Cow<'a, RgbImage> {
        let colors = picture.color();
        if let (EmbeddedProfile::Inks(profile), Some(black)) = (&self.file.profile, picture.black()) {
            return Cow::Owned(inks_in_srgb(profile.as_deref(), colors, black));
        }
        let (width, height) = colors.dimensions();
        let transform = match &self.conversion {
            SrgbConversion::None | SrgbConversion::Inks => None,
            SrgbConversion::Profile { to, .. } => to.as_ref(),
        };
        let mut srgb = RgbImage::new(width, height);
        let stride = (width as usize * 3).max(1);
        let rows = srgb.par_chunks_exact_mut(stride).zip(colors.as_raw().par_chunks_exact(stride));
        rows.for_each_init(
            || vec![0; stride],
            |converted, (to, from)| {
                let is_converted = transform.is_some_and(|transform| transform.transform(from, converted).is_ok());
                for (to, from) in to.iter_mut().zip(if is_converted { converted.as_slice() } else { from }) {
                    *to = from.to_u8();
                }
            },
        );
        Cow::Owned(srgb)
    }

    /// In the encoded colors of the profile, or in the inks themselves. Linear ones are first encoded with the curve of sRGB, and decoded again where they
    /// were replaced: all others stay as they are.
    fn decontaminate(&self, colors: &mut Colors<u16>, alpha: &GrayImage) -> Result<(), Error> {
        if self.light.is_perceptual() {
            return decontaminate(colors, alpha);
        }
        let mut encoded = self.light.with_srgb_curve(colors);
        decontaminate(&mut encoded, alpha)?;
        for ((to, from), alpha) in colors.pixels_mut().zip(encoded.pixels()).zip(alpha.iter()) {
            if *alpha != 0 && *alpha != u8::MAX {
                to.0 = self.light.without_srgb_curve(from.0);
            }
        }
        Ok(())
    }

    fn color_tolerance(&self) -> u8 {
        match self.conversion {
            SrgbConversion::None => 0,
            SrgbConversion::Profile { .. } | SrgbConversion::Inks => CONVERSION_STEPS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_colors::BitDepth;

    fn workspace(profile: &ColorProfile) -> NativeWorkspace {
        let profile = EmbeddedProfile::Icc(profile.encode().expect("encodes").into());
        NativeWorkspace::new(ImageKind::Tiff, FileColors { depth: BitDepth::Sixteen, profile })
    }

    #[test]
    fn colors_of_a_set_look_the_same_in_every_space() {
        for profile in [ColorProfile::new_adobe_rgb(), ColorProfile::new_pro_photo_rgb(), ColorProfile::new_srgb()] {
            let workspace = workspace(&profile);
            for color in [[255; 3], [0; 3], [245; 3], [255, 0, 0], [12, 200, 90]] {
                let native = workspace.color(Color(color)).expect("converts");
                let shown = PlanarRgba::opaque(Colors::<u16>::from_pixel(1, 1, image::Rgb(native)));
                let back = workspace.to_srgb(&shown).get_pixel(0, 0).0;
                let difference = color.iter().zip(back).map(|(a, b)| a.abs_diff(b)).max();
                assert!(difference <= Some(1), "{color:?} becomes {native:?} and {back:?}");
            }
            let white = workspace.color(Color::WHITE).expect("converts");
            assert!(white.iter().all(|value| *value >= 65_500), "{white:?}");
        }
    }

    #[test]
    fn inks_are_shown_but_nothing_becomes_inks() {
        let file = FileColors { depth: BitDepth::Sixteen, profile: EmbeddedProfile::Inks(None) };
        let workspace = NativeWorkspace::new(ImageKind::Tiff, file);
        let light = |value| {
            let black = crate::planes::BlackPlane::from_pixel(1, 1, image::Luma([value]));
            let picture = PlanarRgba::opaque(Colors::<u16>::from_pixel(1, 1, image::Rgb([value; 3])));
            let picture = picture.with_black(Some(black)).expect("same size");
            workspace.to_srgb(&picture).get_pixel(0, 0).0
        };
        assert_eq!((light(u16::MAX), light(0)), ([255; 3], [0; 3]));
        assert!(matches!(workspace.color(Color::WHITE), Err(Error::UnsupportedFeature { .. })));
    }

    #[test]
    fn srgb_in_16_bits_is_scaled() {
        let workspace = NativeWorkspace::new(ImageKind::Png, FileColors::default());
        assert_eq!(workspace.color(Color([1, 2, 255])).expect("converts"), [257, 514, 65_535]);
    }
}
