//! Light by the tone curves of an RGB profile, for samples of 16 bits.

use std::sync::Arc;

use moxcms::{ColorProfile, ToneReprCurve};
use rayon::prelude::*;

use crate::compose::{Light, srgb_light, srgb_value};
use crate::file_colors::EmbeddedProfile;
use crate::sample::{ColorSample, Colors};

/// Values of a sample.
const VALUES: usize = 1 << 16;
/// Steps of the square root of light between which encoded values are interpolated. Curves are nearly straight over that
/// root, so a step is far finer than one of 16 bits.
const STEPS: usize = 1 << 14;
/// Exponents of curves that colors are mixed in as they are: those of common color spaces, from ProPhoto's to L*.
const PERCEPTUAL: std::ops::RangeInclusive<f32> = 1.6..=2.8;
/// Samples that a task of the thread pool recodes.
const CHUNK: usize = 3 << 16;

/// The tone curves of a profile, in both directions.
#[derive(Debug, Clone)]
pub(crate) struct ProfileLight {
    channels: [Arc<Curve>; 3],
}

#[derive(Debug)]
struct Curve {
    /// The light of each value, 0 to 1.
    decoded: Vec<f32>,
    /// The value at each step of the square root of light, 0 to 1.
    encoded: Vec<f32>,
}

impl ProfileLight {
    /// The curves of a profile; those of sRGB if it has none, or only tables.
    pub(crate) fn of(profile: &EmbeddedProfile) -> Self {
        let profile = match profile {
            EmbeddedProfile::Srgb | EmbeddedProfile::Untagged | EmbeddedProfile::Inks(_) => None,
            EmbeddedProfile::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok(),
        };
        let curves = profile.and_then(|profile| Some([profile.red_trc?, profile.green_trc?, profile.blue_trc?]));
        let Some([red, green, blue]) = curves else { return Self::srgb() };
        let Some(first) = Curve::of(&red).map(Arc::new) else { return Self::srgb() };
        let other = |curve: &ToneReprCurve| {
            if *curve == red { Some(first.clone()) } else { Curve::of(curve).map(Arc::new) }
        };
        match (other(&green), other(&blue)) {
            (Some(green), Some(blue)) => Self { channels: [first, green, blue] },
            _ => Self::srgb(),
        }
    }

    fn srgb() -> Self {
        let curve = Arc::new(Curve::new(srgb_light));
        Self { channels: [curve.clone(), curve.clone(), curve] }
    }

    /// Whether encoded values are spaced as people see them, so that colors can be mixed as they are. Linear ones are not.
    pub(crate) fn is_perceptual(&self) -> bool {
        self.channels.iter().all(|curve| {
            let light = curve.decoded[VALUES / 2];
            light > 0.0 && PERCEPTUAL.contains(&(light.ln() / 0.5_f32.ln()))
        })
    }

    /// The colors encoded with the curve of sRGB.
    pub(crate) fn with_srgb_curve(&self, colors: &Colors<u16>) -> Colors<u16> {
        let tables = self.channels.each_ref().map(|curve| {
            curve.decoded.iter().map(|light| u16::from_unit(srgb_value(light.clamp(0.0, 1.0)))).collect::<Vec<_>>()
        });
        let mut encoded = colors.clone();
        encoded.par_chunks_mut(CHUNK).for_each(|samples| {
            for pixel in samples.as_chunks_mut::<3>().0 {
                *pixel = std::array::from_fn(|channel| tables[channel][usize::from(pixel[channel])]);
            }
        });
        encoded
    }

    /// A color with the curve of sRGB, encoded with these curves.
    pub(crate) fn without_srgb_curve(&self, color: [u16; 3]) -> [u16; 3] {
        std::array::from_fn(|channel| self.value(srgb_light(color[channel].to_unit()), channel))
    }
}

impl Light<u16> for ProfileLight {
    fn of(&self, value: u16, channel: usize) -> f32 {
        self.channels[channel].decoded[usize::from(value)]
    }

    fn value(&self, light: f32, channel: usize) -> u16 {
        u16::from_unit(self.channels[channel].value(light))
    }
}

impl Curve {
    fn of(curve: &ToneReprCurve) -> Option<Self> {
        let evaluator = curve.make_linear_evaluator().ok()?;
        Some(Self::new(|value| evaluator.evaluate_value(value)))
    }

    fn new(light: impl Fn(f32) -> f32) -> Self {
        let decoded: Vec<f32> =
            (0..VALUES).map(|value| light(value as f32 / (VALUES - 1) as f32).clamp(0.0, 1.0)).collect();
        let mut encoded = Vec::with_capacity(STEPS + 1);
        let mut below = 0;
        for step in 0..=STEPS {
            let light = (step as f64 / STEPS as f64).powi(2);
            // The last value whose light is at most that, as far as the curve rises.
            while below + 1 < VALUES && f64::from(decoded[below + 1]) <= light {
                below += 1;
            }
            let (low, high) = (f64::from(decoded[below]), f64::from(decoded[(below + 1).min(VALUES - 1)]));
            let part = if high > low { ((light - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
            encoded.push(((below as f64 + part) / (VALUES - 1) as f64) as f32);
        }
        Self { decoded, encoded }
    }

    /// The value of light, both 0 to 1. Clamps; NaN becomes 0.
    fn value(&self, light: f32) -> f32 {
        let place = light.clamp(0.0, 1.0).sqrt() * STEPS as f32;
        // A cast from a float saturates, and makes 0 of NaN.
        let step = (place as usize).min(STEPS - 1);
        let (low, high) = (self.encoded[step], self.encoded[step + 1]);
        low + (high - low) * (place - step as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(profile: &ColorProfile) -> ProfileLight {
        ProfileLight::of(&EmbeddedProfile::Icc(profile.encode().expect("encodes").into()))
    }

    fn linear() -> ColorProfile {
        let mut profile = ColorProfile::new_srgb();
        profile.cicp = None;
        let curve = Some(ToneReprCurve::Lut(Vec::new()));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
        profile
    }

    #[test]
    fn every_value_comes_back() {
        for profile in
            [ColorProfile::new_srgb(), ColorProfile::new_adobe_rgb(), ColorProfile::new_pro_photo_rgb(), linear()]
        {
            let light = light(&profile);
            for value in 0..=u16::MAX {
                let back = light.value(light.of(value, 1), 1);
                assert!(back.abs_diff(value) <= 1, "{value} becomes {back}");
            }
            assert_eq!((light.value(f32::NAN, 0), light.value(2.0, 0)), (0, u16::MAX));
        }
    }

    #[test]
    fn only_linear_curves_are_recoded() {
        assert!(!light(&linear()).is_perceptual());
        for profile in [ColorProfile::new_srgb(), ColorProfile::new_adobe_rgb(), ColorProfile::new_pro_photo_rgb()] {
            assert!(light(&profile).is_perceptual());
        }
        assert!(ProfileLight::of(&EmbeddedProfile::Untagged).is_perceptual());
    }

    #[test]
    fn recoded_colors_come_back() {
        let light = light(&linear());
        let colors =
            Colors::<u16>::from_fn(256, 256, |x, y| image::Rgb([(y * 256 + x) as u16, 30_000, (x * 256 + y) as u16]));
        let recoded = light.with_srgb_curve(&colors);
        for (before, after) in colors.pixels().zip(recoded.pixels()) {
            let back = light.without_srgb_curve(after.0);
            let difference = before.0.iter().zip(back).map(|(a, b)| a.abs_diff(b)).max();
            assert!(difference <= Some(2), "{before:?} becomes {back:?}");
        }
    }
}
