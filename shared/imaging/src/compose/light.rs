//! sRGB values to linear light and back, by the transfer function of IEC 61966-2-1.

use std::sync::LazyLock;

use crate::sample::ColorSample;

/// The linear light, 0 to 1, of each of the 256 sRGB values.
static DECODED: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|value| decode(value as f32 / 255.0)));

/// The sRGB value of each of 65,536 steps of linear light. Even the darkest values are 20 steps apart.
static ENCODED: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..=u16::MAX).map(|light| (encode(f32::from(light) / 65_535.0) * 255.0).round() as u8).collect());

/// Linear light of an sRGB value, both 0 to 1.
pub(crate) fn decode(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of linear light, both 0 to 1.
pub(crate) fn encode(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// From encoded values to linear light and back, by color channel: 0 (red) to 2 (blue).
pub(crate) trait Light<T>: Sync {
    /// Linear light of an encoded value, 0 to 1.
    fn of(&self, value: T, channel: usize) -> f32;

    /// The nearest encoded value of linear light. Clamps to 0 to 1; NaN becomes 0.
    fn value(&self, light: f32, channel: usize) -> T;
}

/// sRGB in 8 bits: the tables for both directions, looked up once for many pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SrgbLight {
    decoded: &'static [f32; 256],
    encoded: &'static [u8],
}

impl SrgbLight {
    pub(crate) fn new() -> Self {
        Self { decoded: &DECODED, encoded: &ENCODED }
    }
}

impl Light<u8> for SrgbLight {
    #[inline]
    fn of(&self, value: u8, _: usize) -> f32 {
        self.decoded[usize::from(value)]
    }

    #[inline]
    fn value(&self, light: f32, _: usize) -> u8 {
        self.encoded[usize::from((light.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u16)]
    }
}

/// The alpha at which a shadow of this color, blended over white as sRGB values, looks the same as at `alpha` in linear
/// light. Browsers and the layers of a PSD blend sRGB values. For black the result is nearly right on any gray:
/// `1 - (1 - alpha)^(1/2.2)`.
pub(crate) fn seen_alpha<T: ColorSample>(alpha: f32, color: [T; 3]) -> f32 {
    // The darkest channel changes most and decides.
    let darkest = color.into_iter().map(ColorSample::to_unit).fold(1.0, f32::min);
    if darkest > 0.98 {
        return alpha;
    }
    let seen = encode(1.0 - alpha + alpha * decode(darkest));
    ((1.0 - seen) / (1.0 - darkest)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_survives_a_round_trip() {
        let light = SrgbLight::new();
        for value in 0..=u8::MAX {
            assert_eq!(light.value(light.of(value, 0), 0), value);
        }
        assert_eq!((light.value(-1.0, 0), light.value(2.0, 0), light.value(f32::NAN, 0)), (0, 255, 0));
    }

    #[test]
    fn blended_as_srgb_the_shadow_is_as_dark_on_white() {
        for alpha in [0.0, 0.1, 0.35, 0.8, 1.0] {
            for color in [[0_u8; 3], [40, 30, 60]] {
                let darkest = 0_f32.max(f32::from(color[0].min(color[1])) / 255.0);
                let linear = encode(1.0 - alpha + alpha * decode(darkest));
                let seen = seen_alpha(alpha, color);
                let mixed = 1.0 - seen + seen * darkest;
                assert!((linear - mixed).abs() < 1e-5, "{alpha} of {color:?}: {linear} and {mixed}");
            }
        }
    }
}
