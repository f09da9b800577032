//! How a file describes its colors, and the profile that follows from it.

use cutline_core::domain::fidelity::{ColorSpace, Fidelity};
use moxcms::{CicpColorPrimaries, CicpProfile, ColorProfile, ProfileText, TransferCharacteristics};

use super::calibration::Calibration;
use super::model::ColorModel;
use super::sample::Sample;
use super::{gray, icc};
use crate::decode::metadata::clean_text;
use crate::photo::ImageMetadata;

/// Longest ICC profile in bytes. Profiles for print have a few megabytes; the parser takes no more than this either.
const MAX_PROFILE: usize = 10 << 20;

pub(super) const UNUSABLE_PROFILE: &str = "The color profile was ignored: it is damaged or made for other colors.";

/// A file's description of its colors.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) enum ColorEncoding<'a> {
    /// No description: the colors are taken for sRGB, or for inks of an unknown press.
    Unspecified,
    /// An ICC profile.
    Icc(&'a [u8]),
    /// Code points of ITU-T H.273, for RGB.
    Cicp(CicpProfile),
    /// The file says that they are sRGB.
    Srgb,
    /// Adobe RGB (1998), for RGB. Cameras say so in their Exif data.
    AdobeRgb,
    /// The gamma and the primaries of a PNG.
    Calibrated(Calibration),
    /// Gray and RGB are kept as stored, whatever they look like.
    Ignored,
}

/// What the samples of a file are decoded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum TargetColors {
    /// Colors of sRGB.
    Srgb,
    /// Colors of sRGB in 8 bits, and in addition those that the most faithful file holds.
    Faithful(Fidelity),
    /// The same numbers, in 8 bits, for gray and RGB. They are shares of a pixel rather than colors.
    AsStored,
}

impl TargetColors {
    /// Whether files have the colors of the source, unconverted.
    pub(in crate::decode) fn keeps_colors(self) -> bool {
        matches!(self, Self::Faithful(Fidelity { color: ColorSpace::Keep, .. }))
    }
}

/// A file's description of its colors, and what they are decoded to.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct ColorTask<'a> {
    pub(super) encoding: ColorEncoding<'a>,
    /// The depth and color that were requested beyond 8-bit sRGB.
    pub(super) fidelity: Option<Fidelity>,
}

impl ColorTask<'_> {
    /// Whether files have the colors of the source, unconverted.
    pub(super) fn keeps_colors(self) -> bool {
        self.fidelity.is_some_and(|fidelity| fidelity.color == ColorSpace::Keep)
    }

    /// Adobe RGB if the file has no other description and its Exif data names that.
    pub(in crate::decode) fn or_exif(self, is_adobe_rgb: bool) -> Self {
        Self { encoding: self.encoding.or_exif(is_adobe_rgb), ..self }
    }
}

impl<'a> From<Option<&'a [u8]>> for ColorEncoding<'a> {
    fn from(profile: Option<&'a [u8]>) -> Self {
        profile.map_or(Self::Unspecified, Self::Icc)
    }
}

impl<'a> ColorEncoding<'a> {
    /// Adobe RGB if the file has no other description and its Exif data names that.
    pub(in crate::decode) fn or_exif(self, is_adobe_rgb: bool) -> Self {
        if matches!(self, Self::Unspecified) && is_adobe_rgb { Self::AdobeRgb } else { self }
    }

    /// The task of decoding to some colors. The description does not count if the stored numbers are asked for.
    pub(in crate::decode) fn towards(self, target: TargetColors) -> ColorTask<'a> {
        match target {
            TargetColors::Srgb => ColorTask { encoding: self, fidelity: None },
            TargetColors::Faithful(fidelity) => ColorTask { encoding: self, fidelity: Some(fidelity) },
            TargetColors::AsStored => ColorTask { encoding: Self::Ignored, fidelity: None },
        }
    }

    /// The profile to convert from, if there is a usable one. Adds warnings to `metadata`.
    pub(super) fn profile(self, model: ColorModel, metadata: &mut ImageMetadata) -> Option<ColorProfile> {
        match self {
            Self::Unspecified | Self::Srgb | Self::Ignored => None,
            Self::Icc(bytes) => icc_profile(bytes, model, metadata),
            Self::Cicp(cicp) => cicp_profile(cicp, model, metadata),
            Self::AdobeRgb => (model == ColorModel::Rgb).then(ColorProfile::new_adobe_rgb),
            Self::Calibrated(calibration) => calibration.profile(model),
        }
    }
}

/// Like viewers, ignores a profile that is unreadable or made for another color model.
fn icc_profile(bytes: &[u8], model: ColorModel, metadata: &mut ImageMetadata) -> Option<ColorProfile> {
    let safe = bytes.len() <= MAX_PROFILE && icc::is_safe_to_parse(bytes);
    let profile = safe.then(|| ColorProfile::new_from_slice(bytes).ok()).flatten();
    let profile = profile.filter(|profile| profile.color_space == model.color_space());
    let profile = profile.and_then(gray::over_xyz);
    if profile.is_none() {
        metadata.warnings.push(UNUSABLE_PROFILE.into());
    }
    profile
}

fn cicp_profile(cicp: CicpProfile, model: ColorModel, metadata: &mut ImageMetadata) -> Option<ColorProfile> {
    let mut profile = ColorProfile::new_from_cicp(cicp);
    // Nothing can be converted without a transfer curve.
    let Some(curve) = profile.red_trc.clone() else {
        metadata.warnings.push("The file's color code points were ignored: they are not supported.".into());
        return None;
    };
    if model == ColorModel::Gray {
        profile = ColorProfile::new_gray_with_gamma(1.0);
        profile.gray_trc = Some(curve);
        profile.cicp = Some(cicp);
    }
    // moxcms leaves it empty.
    profile.description = Some(ProfileText::PlainString(cicp_name(cicp).into()));
    Some(profile)
}

fn cicp_name(cicp: CicpProfile) -> &'static str {
    use CicpColorPrimaries as Primaries;
    match (cicp.color_primaries, cicp.transfer_characteristics) {
        (Primaries::Smpte432, TransferCharacteristics::Srgb) => "Display P3",
        (Primaries::Bt2020, TransferCharacteristics::Smpte2084) => "BT.2020 PQ",
        (Primaries::Bt2020, TransferCharacteristics::Hlg) => "BT.2020 HLG",
        (Primaries::Bt2020, _) => "BT.2020",
        (Primaries::Bt709, _) => "BT.709",
        _ => "RGB",
    }
}

/// A profile's description in English, else in its first language, else the name of the color model.
pub(super) fn profile_name(profile: &ColorProfile, model: ColorModel) -> String {
    let name = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.as_str(),
        Some(ProfileText::Localizable(texts)) => {
            let english = texts.iter().find(|text| text.language == "en").or_else(|| texts.first());
            english.map_or("", |text| text.value.as_str())
        }
        Some(ProfileText::Description(text)) => text.ascii_string.as_str(),
        None => "",
    };
    let name = clean_text(name);
    if name.is_empty() { model.name().into() } else { name }
}

/// Whether converting to sRGB changes no color of a grid over the whole space by more than one step of 255.
pub(super) fn is_srgb(profile: &ColorProfile, model: ColorModel) -> bool {
    const STEPS: [u8; 9] = [0, 16, 51, 102, 128, 166, 204, 232, 255];
    if model == ColorModel::Cmyk {
        return false;
    }
    let Some(transform) = u8::transform(profile, model.layout()) else { return false };
    let colors: Vec<[u8; 3]> = match model {
        ColorModel::Gray => STEPS.map(|gray| [gray; 3]).to_vec(),
        _ => STEPS.iter().flat_map(|r| STEPS.iter().flat_map(move |g| STEPS.map(|b| [*r, *g, b]))).collect(),
    };
    let samples: Vec<u8> = match model {
        ColorModel::Gray => STEPS.to_vec(),
        _ => colors.concat(),
    };
    let mut converted = vec![0; colors.len() * 3];
    transform.transform(&samples, &mut converted).is_ok()
        && colors.as_flattened().iter().zip(&converted).all(|(before, after)| before.abs_diff(*after) <= 1)
}
