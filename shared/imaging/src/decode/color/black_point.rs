//! Black point compensation (ISO 18619), which moxcms does not do and without which printed black looks gray.

use super::curve::{from_linear, to_linear};
use super::sample::{Sample, Transform};
use crate::sample::ColorSample;

/// The compensation of each 8-bit sRGB value that a CMYK transform returns.
///
/// The color of all four inks together becomes black, white stays, and light in between is scaled. The standard scales
/// in XYZ. The ink's black is taken to be neutral, so one scale holds for all axes of XYZ, and so for all channels of
/// linear sRGB.
pub(super) fn black_point<T: Sample>(transform: &Transform<T>) -> [u8; 256] {
    let black = black(transform);
    std::array::from_fn(|value| (compensated(value as f32 / 255.0, black) * 255.0).round() as u8)
}

/// The same for each 16-bit value.
pub(super) fn deep_black_point<T: Sample>(transform: &Transform<T>) -> Vec<u16> {
    let black = black(transform);
    (0..=u16::MAX).map(|value| u16::from_unit(compensated(value.to_unit(), black))).collect()
}

/// The light of all four inks together.
fn black<T: Sample>(transform: &Transform<T>) -> f32 {
    let mut darkest = [T::default(); 3];
    match transform.transform(&[T::FULL; 4], &mut darkest) {
        Ok(()) => {
            let [red, green, blue] = darkest.map(|value| to_linear(value.to_u32() as f32 / T::MAX as f32));
            // No press leaves half of the light; a profile that says so is wrong.
            (0.2126 * red + 0.7152 * green + 0.0722 * blue).min(0.5)
        }
        Err(_) => 0.0,
    }
}

/// An sRGB value of 0 to 1, compensated.
fn compensated(value: f32, black: f32) -> f32 {
    let light = (to_linear(value) - black) / (1.0 - black);
    from_linear(light.max(0.0))
}
