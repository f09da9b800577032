//! Colors described by a gamma and by primaries, as PNG's chunks `gAMA` and `cHRM` do.

use std::ops::RangeInclusive;

use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ProfileText, ToneReprCurve, curve_from_gamma};

use super::model::ColorModel;

/// Plausible exponents of decoding.
const GAMMAS: RangeInclusive<f64> = 0.2..=5.0;
/// An exponent this close to 2.2 stands for the curve of sRGB: files cannot name that curve, and state its nearest gamma.
const SRGB_GAMMAS: RangeInclusive<f64> = 2.17..=2.23;

/// A gamma and primaries. Parts that a file leaves out are those of sRGB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::decode) struct Calibration {
    /// The exponent of decoding: 2.2 for most screens.
    gamma: Option<f64>,
    /// x and y of white, red, green and blue.
    chromaticities: Option<[[f64; 2]; 4]>,
}

impl Calibration {
    /// `None` if neither is stated, or one is implausible.
    pub(in crate::decode) fn new(gamma: Option<f64>, chromaticities: Option<[[f64; 2]; 4]>) -> Option<Self> {
        let is_plausible =
            gamma.is_none_or(|gamma| GAMMAS.contains(&gamma)) && chromaticities.as_ref().is_none_or(is_triangle);
        (is_plausible && (gamma.is_some() || chromaticities.is_some())).then_some(Self { gamma, chromaticities })
    }

    pub(super) fn profile(self, model: ColorModel) -> Option<ColorProfile> {
        let curve = match self.gamma {
            Some(gamma) if !SRGB_GAMMAS.contains(&gamma) => curve_from_gamma(gamma as f32),
            _ => ColorProfile::new_srgb().red_trc?,
        };
        let mut profile = match model {
            ColorModel::Gray => gray(curve),
            ColorModel::Rgb => self.rgb(curve),
            ColorModel::Cmyk => return None,
        };
        profile.description = Some(ProfileText::PlainString(self.name()));
        Some(profile)
    }

    fn rgb(self, curve: ToneReprCurve) -> ColorProfile {
        let mut profile = ColorProfile::new_srgb();
        if let Some(chromaticities) = self.chromaticities {
            let [white, red, green, blue] = chromaticities.map(|[x, y]| Chromaticity::new(x as f32, y as f32));
            profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
        }
        profile.cicp = None;
        [profile.red_trc, profile.green_trc, profile.blue_trc] = [0; 3].map(|_| Some(curve.clone()));
        profile
    }

    fn name(self) -> String {
        match (self.gamma, self.chromaticities) {
            (Some(gamma), None) => format!("gamma {gamma:.1}"),
            (Some(gamma), Some(_)) => format!("gamma {gamma:.1} and the file's primaries"),
            (None, _) => "the file's primaries".to_owned(),
        }
    }
}

fn gray(curve: ToneReprCurve) -> ColorProfile {
    let mut profile = ColorProfile::new_gray_with_gamma(1.0);
    profile.gray_trc = Some(curve);
    profile
}

/// Whether the primaries span a triangle with white inside, so that they have a matrix.
fn is_triangle([white, red, green, blue]: &[[f64; 2]; 4]) -> bool {
    let side = |a: &[f64; 2], b: &[f64; 2], c: &[f64; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    let inside = [side(red, green, white), side(green, blue, white), side(blue, red, white)];
    // No real primaries are that close to a line.
    white[1] > 0.01 && inside.iter().all(|side| *side > 1e-4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SRGB: [[f64; 2]; 4] = [[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];

    #[test]
    fn rejects_what_has_no_meaning() {
        assert_eq!(Calibration::new(None, None), None);
        assert_eq!(Calibration::new(Some(0.0), None), None);
        assert_eq!(Calibration::new(Some(1e5), None), None);
        assert_eq!(Calibration::new(None, Some([[0.3; 2]; 4])), None);
        let [white, red, green, blue] = SRGB;
        assert_eq!(Calibration::new(None, Some([white, green, red, blue])), None);
        assert!(Calibration::new(Some(1.0), Some(SRGB)).is_some());
    }

    #[test]
    fn the_gamma_of_srgb_stands_for_its_curve() {
        let curve = |gamma| Calibration::new(Some(gamma), None)?.profile(ColorModel::Rgb)?.green_trc;
        assert_eq!(curve(1.0 / 0.45455), ColorProfile::new_srgb().green_trc);
        assert_ne!(curve(1.8), ColorProfile::new_srgb().green_trc);
    }
}
