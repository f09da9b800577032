//! The sRGB curve (IEC 61966-2-1), and its encoder to 8 bits.

use std::sync::LazyLock;

use crate::sample::ColorSample;

/// Steps of light that [`encode`] tells apart. Near black, where the curve is steepest, a step is a twentieth of one of
/// 255.
const STEPS: usize = 1 << 16;

static ENCODED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..STEPS).map(|step| (from_linear(step as f32 / (STEPS - 1) as f32) * 255.0).round() as u8).collect()
});

/// Light of 0 to 1 by an encoded value of 0 to 1.
pub(super) fn to_linear(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The encoded value of light, each 0 to 1.
pub(super) fn from_linear(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// Encodes linear sRGB in 16 bits, clipped to 0 to 1. NaN becomes black.
pub(super) fn encode_deep(light: [f32; 3]) -> [u16; 3] {
    light.map(|light| u16::from_unit(from_linear(light.clamp(0.0, 1.0))))
}

/// Encodes linear sRGB, clipped to 0 to 1. NaN becomes black.
pub(super) fn encode(light: [f32; 3]) -> [u8; 3] {
    let table = ENCODED.as_slice();
    // A cast from a float saturates.
    light.map(|light| table[usize::from((light * (STEPS - 1) as f32 + 0.5) as u16)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_it_decodes() {
        for value in 0..=255 {
            assert_eq!(encode([to_linear(f32::from(value) / 255.0); 3]), [value; 3]);
        }
        assert_eq!(encode([-1.0, 2.0, f32::NAN]), [0, 255, 0]);
    }
}
