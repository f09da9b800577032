//! How the samples of one image become 8-bit sRGB.

use std::sync::Arc;

use moxcms::ColorProfile;

use super::black_point::black_point;
use super::encoding::{UNUSABLE_PROFILE, is_srgb, profile_name};
use super::model::ColorModel;
use super::press::Press;
use super::sample::{Sample, Transform};
use super::tone_map::{HdrCurve, ToneMapping};
use crate::photo::ImageMetadata;

const TONE_MAPPED: &str = "The image was tone-mapped from HDR: its reference white became white, and brighter \
                           highlights were compressed.";

/// How samples become sRGB.
pub(super) enum Method<T: Sample> {
    /// They are sRGB already.
    Keep,
    /// By a profile; for inks with the black point compensation of each converted value.
    Profile { transform: Arc<Transform<T>>, black_point: Option<[u8; 256]> },
    /// From HDR.
    ToneMapping(ToneMapping),
    /// Inks without a profile.
    Press(Press),
}

impl<T: Sample> Method<T> {
    /// The method for a profile; `None` if it is unusable.
    pub(super) fn by(profile: &ColorProfile, model: ColorModel, metadata: &mut ImageMetadata) -> Option<Self> {
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
