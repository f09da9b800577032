//! Inks without a profile, taken for offset printing on coated paper.
//!
//! The colors of solid inks and of their overprints are the aims of ISO 12647-2:2004/Amd 1:2007 for paper types 1 and 2
//! on white backing. Between them, the areas that dots cover mix as light (H. E. J. Neugebauer, 1937; M. E. Demichel, 1924).
//! Printed dots are larger than those of the plate, by the standard's curves A (colors) and B (black). Overprints with black,
//! for which the standard has no aims, are the product of black and the color under it. Paper becomes white, and all four inks
//! together become black.

use std::array::from_fn;
use std::sync::LazyLock;

use super::curve::{encode, encode_deep};
use super::sample::Sample;

/// Lab (D50) by the solid inks on paper: bit 0 is cyan, bit 1 magenta, bit 2 yellow.
const SOLIDS: [[f32; 3]; 8] = [
    [95.0, 0.0, -2.0],
    [55.0, -37.0, -50.0],
    [48.0, 74.0, -3.0],
    [24.0, 17.0, -46.0],
    [89.0, -5.0, 93.0],
    [50.0, -68.0, 33.0],
    [47.0, 68.0, 48.0],
    [23.0, 0.0, 0.0],
];
const BLACK: [f32; 3] = [16.0, 0.0, 0.0];
/// By how much a dot of half the area grows in print, of cyan, magenta, yellow and black.
const DOT_GAIN: [f32; 4] = [0.14, 0.14, 0.14, 0.17];
/// Number of combinations of four inks.
const COMBINATIONS: usize = 16;

/// The light that paper with each combination of solid inks reflects, in linear sRGB: bits as in [`SOLIDS`], bit 3 is black.
static LIGHT: LazyLock<[[f32; 3]; COMBINATIONS]> = LazyLock::new(|| {
    let paper = to_xyz(SOLIDS[0]);
    let relative = |lab: [f32; 3]| -> [f32; 3] {
        let xyz = to_xyz(lab);
        from_fn(|axis| xyz[axis] / paper[axis])
    };
    let black = relative(BLACK);
    let light: [[f32; 3]; COMBINATIONS] = from_fn(|inks| {
        let color = relative(SOLIDS[inks % SOLIDS.len()]);
        let share = |axis: usize| if inks >= SOLIDS.len() { black[axis] } else { 1.0 };
        to_linear_srgb(from_fn(|axis| color[axis] * share(axis)))
    });
    // Black point compensation: the darkest combination becomes black.
    let darkest = light[COMBINATIONS - 1];
    light.map(|light| from_fn(|channel| (light[channel] - darkest[channel]) / (1.0 - darkest[channel])))
});

/// The area that an ink covers in print, by its sample.
pub(super) struct Press {
    areas: [Vec<f32>; 4],
}

impl Press {
    pub(super) fn new<T: Sample>() -> Self {
        let areas = DOT_GAIN.map(|gain| {
            let area = |sample: u32| sample as f32 / T::MAX as f32;
            (0..=T::MAX).map(|sample| area(sample) + 4.0 * gain * area(sample) * (1.0 - area(sample))).collect()
        });
        Self { areas }
    }

    /// Converts pixels of four inks.
    pub(super) fn convert<T: Sample>(&self, samples: &[T], rgb: &mut [u8]) {
        self.convert_by(samples, rgb, encode);
    }

    /// Converts pixels of four samples to 16 bits.
    pub(super) fn convert_deep<T: Sample>(&self, samples: &[T], rgb: &mut [u16]) {
        self.convert_by(samples, rgb, encode_deep);
    }

    fn convert_by<T: Sample, U>(&self, samples: &[T], rgb: &mut [U], encode: impl Fn([f32; 3]) -> [U; 3]) {
        let light: &[[f32; 3]; COMBINATIONS] = &LIGHT;
        for (inks, rgb) in samples.as_chunks::<4>().0.iter().zip(rgb.as_chunks_mut::<3>().0) {
            let mut mixed = *light;
            // Halves the combinations ink by ink, from black to cyan.
            for (ink, half) in [(3, 8), (2, 4), (1, 2), (0, 1)] {
                let area = self.areas[ink][inks[ink].to_u32() as usize];
                for at in 0..half {
                    mixed[at] =
                        from_fn(|channel| mixed[at][channel] + area * (mixed[at + half][channel] - mixed[at][channel]));
                }
            }
            *rgb = encode(mixed[0]);
        }
    }
}

/// CIE Lab to XYZ relative to D50.
fn to_xyz([lightness, a, b]: [f32; 3]) -> [f32; 3] {
    const WHITE: [f32; 3] = [0.9642, 1.0, 0.8249];
    let y = (lightness + 16.0) / 116.0;
    let decode = |value: f32| if value > 6.0 / 29.0 { value.powi(3) } else { (value - 4.0 / 29.0) * 108.0 / 841.0 };
    let axes = [y + a / 500.0, y, y - b / 200.0];
    from_fn(|axis| WHITE[axis] * decode(axes[axis]))
}

/// XYZ as fractions of white to linear sRGB: by the inverse of sRGB's primaries, adapted to D50.
fn to_linear_srgb(fractions: [f32; 3]) -> [f32; 3] {
    const WHITE: [f32; 3] = [0.9642, 1.0, 0.8249];
    const MATRIX: [[f32; 3]; 3] =
        [[3.133_856, -1.616_867, -0.490_615], [-0.978_768, 1.916_142, 0.033_454], [0.071_945, -0.228_991, 1.405_243]];
    MATRIX.map(|row| (0..3).map(|axis| row[axis] * fractions[axis] * WHITE[axis]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(inks: [u8; 4]) -> [u8; 3] {
        let mut rgb = [0; 3];
        Press::new::<u8>().convert(&inks, &mut rgb);
        rgb
    }

    #[test]
    fn paper_is_white_and_all_inks_are_black() {
        assert_eq!(shown([0; 4]), [255; 3]);
        assert_eq!(shown([255; 4]), [0; 3]);
        let black = shown([0, 0, 0, 255]);
        assert!(black.iter().all(|value| (20..=45).contains(value)), "{black:?}");
    }

    #[test]
    fn solid_inks_have_the_colors_of_print() {
        for (inks, expected) in [
            ([255, 0, 0, 0], [0, 158, 224]),
            ([0, 255, 0, 0], [230, 0, 126]),
            ([0, 0, 255, 0], [255, 237, 0]),
            ([0, 255, 255, 0], [227, 6, 19]),
            ([255, 0, 255, 0], [0, 150, 64]),
            ([255, 255, 0, 0], [49, 39, 131]),
        ] {
            let color = shown(inks);
            let difference = color.iter().zip(expected).map(|(a, b): (&u8, u8)| a.abs_diff(b)).max();
            assert!(difference <= Some(24), "{inks:?}: {color:?} where {expected:?} is expected");
        }
    }

    #[test]
    fn more_ink_is_darker() {
        for ink in 0..4 {
            let ramp: Vec<u32> = (0..=255)
                .map(|amount| {
                    let mut inks = [0; 4];
                    inks[ink] = amount;
                    shown(inks).iter().map(|value| u32::from(*value)).sum()
                })
                .collect();
            assert!(ramp.is_sorted_by(|a, b| a >= b), "{ink}");
        }
    }

    #[test]
    fn deep_samples_give_the_same_colors() {
        let mut rgb = [0; 3];
        Press::new::<u16>().convert(&[100_u16, 20, 200, 30].map(|ink| ink * 257), &mut rgb);
        assert_eq!(rgb, shown([100, 20, 200, 30]));
    }
}
