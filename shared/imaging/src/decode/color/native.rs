//! Colors in 16 bits, or in the color space of the file, in addition to 8-bit sRGB.
//!
//! Samples of 16 bits are converted from their 16 bits, and samples of 8 bits are scaled first. Inks that are kept are scaled
//! only: there is no way from RGB back to them.

use std::sync::Arc;

use cutline_core::domain::fidelity::{ColorSpace, Depth, Fidelity};
use moxcms::{ColorProfile, ProfileText};

use super::black_point::deep_black_point;
use super::encoding::{ColorEncoding, is_srgb};
use super::method::Method;
use super::model::ColorModel;
use super::sample::{Sample, Transform};
use crate::file_colors::{BitDepth, EmbeddedProfile, FileColors};
use crate::photo::ImageMetadata;
use crate::sample::ColorSample;

const UNTAGGED_INKS: &str = "The file has no usable CMYK profile: its inks were kept, and the pictures have no profile \
                             either. Embed a profile.";
const HDR_NOT_KEPT: &str = "The color space was not kept: the image is HDR, and its colors were converted to sRGB.";
const GRAY_IN_RGB: &str = "The photo is gray: with color=keep, its files have RGB colors of the same samples.";
/// Where the date of a profile begins and ends.
const PROFILE_DATE: std::ops::Range<usize> = 24..36;

/// How samples become native colors.
pub(super) struct NativeConversion {
    pub(super) method: NativeMethod,
    pub(super) file: FileColors,
}

/// The conversion of samples to 16 bits.
pub(super) enum NativeMethod {
    /// They are scaled.
    Scale,
    /// Inks are scaled, and stored as the light that they leave.
    Inks,
    /// By a profile, to sRGB; for inks with the black point compensation of each converted value.
    Profile { transform: Arc<Transform<u16>>, black_point: Option<Vec<u16>> },
    /// From HDR or from the inks of an unknown press, as the 8-bit conversion does it.
    Like8Bit,
}

/// The values from which a native conversion is derived.
pub(super) struct NativeRequest<'a> {
    pub(super) fidelity: Fidelity,
    pub(super) model: ColorModel,
    pub(super) encoding: ColorEncoding<'a>,
    /// The usable profile of the file, if there is one.
    pub(super) profile: Option<&'a ColorProfile>,
}

impl NativeConversion {
    /// `None` if 8-bit sRGB is all that is asked for. `method` is the conversion to 8-bit sRGB. If the color space is kept, `metadata` no longer says that the colors were converted.
    pub(super) fn new<T: Sample>(
        request: &NativeRequest<'_>,
        method: &Method<T>,
        metadata: &mut ImageMetadata,
    ) -> Option<Self> {
        let NativeRequest { fidelity, model, .. } = *request;
        let is_deep = <T as ColorSample>::MAX > 255;
        let depth = match fidelity.depth {
            Depth::Sixteen => BitDepth::Sixteen,
            Depth::Keep if is_deep => BitDepth::Sixteen,
            Depth::Keep | Depth::Eight => BitDepth::Eight,
        };
        match (fidelity.color, method) {
            (ColorSpace::Keep, _) if model == ColorModel::Cmyk => {
                metadata.converted_from = None;
                let profile = EmbeddedProfile::Inks(request.profile_of_inks(metadata));
                Some(Self { method: NativeMethod::Inks, file: FileColors { depth, profile } })
            }
            (ColorSpace::Keep, Method::ToneMapping(_)) => {
                metadata.warnings.push(HDR_NOT_KEPT.into());
                Some(Self::to_srgb(request, method, depth))
            }
            (ColorSpace::Keep, _) => {
                metadata.converted_from = None;
                metadata.warnings.extend((model == ColorModel::Gray).then(|| GRAY_IN_RGB.into()));
                let profile = request.embedded(metadata);
                Some(Self { method: NativeMethod::Scale, file: FileColors { depth, profile } })
            }
            (ColorSpace::Srgb, _) if depth == BitDepth::Eight => None,
            (ColorSpace::Srgb, _) => Some(Self::to_srgb(request, method, depth)),
        }
    }

    fn to_srgb<T: Sample>(request: &NativeRequest<'_>, method: &Method<T>, depth: BitDepth) -> Self {
        let native = match (method, request.profile) {
            (Method::Keep, _) => NativeMethod::Scale,
            (Method::Profile { .. }, Some(profile)) => match u16::transform(profile, request.model.layout()) {
                Some(transform) => {
                    let black_point = (request.model == ColorModel::Cmyk).then(|| deep_black_point(&*transform));
                    NativeMethod::Profile { transform, black_point }
                }
                None => NativeMethod::Like8Bit,
            },
            _ => NativeMethod::Like8Bit,
        };
        Self { method: native, file: FileColors { depth, profile: EmbeddedProfile::Srgb } }
    }
}

impl NativeRequest<'_> {
    /// The profile of inks that are kept, byte by byte.
    fn profile_of_inks(&self, metadata: &mut ImageMetadata) -> Option<Arc<[u8]>> {
        if let (Some(_), ColorEncoding::Icc(bytes)) = (self.profile, self.encoding) {
            return Some(bytes.into());
        }
        metadata.warnings.push(UNTAGGED_INKS.into());
        None
    }

    /// The profile of colors that are kept. A description that is not an ICC profile for RGB becomes one.
    fn embedded(&self, metadata: &mut ImageMetadata) -> EmbeddedProfile {
        let Some(profile) = self.profile else {
            let is_srgb = matches!(self.encoding, ColorEncoding::Srgb);
            return if is_srgb { EmbeddedProfile::Srgb } else { EmbeddedProfile::Untagged };
        };
        if let (ColorEncoding::Icc(bytes), ColorModel::Rgb) = (self.encoding, self.model) {
            return EmbeddedProfile::Icc(bytes.into());
        }
        if is_srgb(profile, self.model) {
            return EmbeddedProfile::Srgb;
        }
        let rgb = if self.model == ColorModel::Gray { rgb_with_curve_of(profile) } else { Some(profile.clone()) };
        match rgb.and_then(|rgb| written(&rgb)) {
            Some(bytes) => EmbeddedProfile::Icc(bytes.into()),
            None => {
                metadata.warnings.push("The color space was not embedded: its profile cannot be written.".into());
                EmbeddedProfile::Untagged
            }
        }
    }
}

/// A profile for RGB in which equal samples look as a gray sample does by a gray profile.
fn rgb_with_curve_of(gray: &ColorProfile) -> Option<ColorProfile> {
    let curve = gray.gray_trc.clone()?;
    let mut rgb = ColorProfile::new_srgb();
    rgb.cicp = None;
    [rgb.red_trc, rgb.green_trc, rgb.blue_trc] = [0; 3].map(|_| Some(curve.clone()));
    rgb.description = Some(ProfileText::PlainString("RGB with the curve of a gray profile".into()));
    Some(rgb)
}

/// The bytes of a profile. Its date is constant, so that the same input gives the same file.
fn written(profile: &ColorProfile) -> Option<Vec<u8>> {
    let mut bytes = profile.encode().ok()?;
    let date = [2026_u16, 1, 1, 0, 0, 0].map(u16::to_be_bytes);
    bytes.get_mut(PROFILE_DATE)?.copy_from_slice(date.as_flattened());
    Some(bytes)
}
