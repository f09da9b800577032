//! Gray profiles over Lab (ICC.1:2022, clause 8.3): their curve gives lightness.

use moxcms::{ColorProfile, DataColorSpace, ToneReprCurve};

/// Points of the curve, enough that interpolating between them costs no step of 8 bits.
const POINTS: usize = 4096;

/// The same profile over XYZ, where the curve gives light, since moxcms converts gray from there alone. Other profiles are
/// returned as they are. `None` if the curve is unusable.
pub(super) fn over_xyz(mut profile: ColorProfile) -> Option<ColorProfile> {
    if profile.color_space != DataColorSpace::Gray || profile.pcs != DataColorSpace::Lab {
        return Some(profile);
    }
    let lightness = profile.gray_trc.as_ref()?.make_linear_evaluator().ok()?;
    let light = |point: usize| light(100.0 * lightness.evaluate_value(point as f32 / (POINTS - 1) as f32));
    let points = (0..POINTS).map(|point| (light(point) * 65_535.0).round() as u16).collect();
    profile.gray_trc = Some(ToneReprCurve::Lut(points));
    profile.pcs = DataColorSpace::Xyz;
    Some(profile)
}

/// The light of a lightness of 0 to 100, from 0 to 1 (CIE 15, section 8.2.1).
fn light(lightness: f32) -> f32 {
    let root = (lightness + 16.0) / 116.0;
    if lightness > 8.0 { root.powi(3) } else { lightness / 903.3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lightness_becomes_light() {
        let mut profile = ColorProfile::new_gray_with_gamma(1.0);
        profile.pcs = DataColorSpace::Lab;
        let profile = over_xyz(profile).expect("has a curve");
        let Some(ToneReprCurve::Lut(points)) = profile.gray_trc else { panic!("has points") };
        // Half of the lightness is 18.4% of the light.
        assert!((f32::from(points[POINTS / 2]) / 65_535.0 - 0.184).abs() < 0.001);
        assert_eq!((points[0], points[POINTS - 1], profile.pcs), (0, 65_535, DataColorSpace::Xyz));
    }
}
