//! Color samples of 8 or 16 bits.

use std::fmt::Debug;

use image::{ImageBuffer, Pixel, Rgb};

/// A picture of three samples a pixel.
pub type Colors<T> = ImageBuffer<<T as ColorSample>::Rgb, Vec<T>>;

/// The number of color channels.
const CHANNELS: usize = 3;

/// A sample of 8 or 16 bits: 0 is dark, and [`Self::MAX`] is full.
pub trait ColorSample: Copy + Debug + Default + Eq + Send + Sync + 'static {
    /// Three samples.
    type Rgb: Pixel<Subpixel = Self> + Debug + Eq + Send + Sync + 'static;

    /// The largest value.
    const MAX: u32;
    /// The largest value as a sample.
    const FULL: Self;

    /// The sample as a number.
    fn to_u32(self) -> u32;

    /// The number as a sample, at most [`Self::MAX`].
    fn from_u32(number: u32) -> Self;

    /// The sample in 8 bits, rounded.
    fn to_u8(self) -> u8;

    /// The sample in 16 bits, scaled exactly.
    fn to_u16(self) -> u16;

    /// A sample of 8 bits, scaled exactly.
    fn from_u8(sample: u8) -> Self;

    /// A sample of 16 bits, rounded to this depth.
    fn from_u16(sample: u16) -> Self;

    /// The sample as a fraction of the largest, 0 to 1.
    fn to_unit(self) -> f32;

    /// The sample nearest to a fraction. Clamps to 0 to 1; NaN becomes 0.
    fn from_unit(fraction: f32) -> Self;

    /// The sums of red, green and blue over squares of `CELL_SIDE` pixels a side, whose rows begin `stride` samples apart.
    fn cell_sums(samples: &[Self], stride: usize) -> [u32; CHANNELS];
}

/// The side of the squares of [`ColorSample::cell_sums`], in pixels.
pub(crate) const CELL_SIDE: usize = 8;

impl ColorSample for u8 {
    type Rgb = Rgb<Self>;

    const MAX: u32 = 255;
    const FULL: Self = 255;

    fn to_u32(self) -> u32 {
        self.into()
    }

    fn from_u32(number: u32) -> Self {
        number.min(<Self as ColorSample>::MAX) as Self
    }

    fn to_u8(self) -> u8 {
        self
    }

    fn to_u16(self) -> u16 {
        u16::from(self) * 257
    }

    fn from_u8(sample: u8) -> Self {
        sample
    }

    fn from_u16(sample: u16) -> Self {
        ColorSample::to_u8(sample)
    }

    fn to_unit(self) -> f32 {
        f32::from(self) / 255.0
    }

    fn from_unit(fraction: f32) -> Self {
        // A cast from a float saturates.
        (fraction * 255.0 + 0.5) as Self
    }

    fn cell_sums(samples: &[Self], stride: usize) -> [u32; CHANNELS] {
        // The sum of a column is at most 8 * 255.
        let mut sums = [0_u16; CELL_SIDE * CHANNELS];
        let rows = samples.chunks(stride).take(CELL_SIDE);
        for row in rows.filter_map(<[u8]>::first_chunk::<{ CELL_SIDE * CHANNELS }>) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += u16::from(*value);
            }
        }
        std::array::from_fn(|channel| sums.iter().skip(channel).step_by(CHANNELS).map(|sum| u32::from(*sum)).sum())
    }
}

impl ColorSample for u16 {
    type Rgb = Rgb<Self>;

    const MAX: u32 = 65_535;
    const FULL: Self = 65_535;

    fn to_u32(self) -> u32 {
        self.into()
    }

    fn from_u32(number: u32) -> Self {
        number.min(<Self as ColorSample>::MAX) as Self
    }

    fn to_u8(self) -> u8 {
        ((u32::from(self) * 255 + 32_767) / 65_535) as u8
    }

    fn to_u16(self) -> u16 {
        self
    }

    fn from_u8(sample: u8) -> Self {
        Self::from(sample) * 257
    }

    fn from_u16(sample: u16) -> Self {
        sample
    }

    fn to_unit(self) -> f32 {
        f32::from(self) / 65_535.0
    }

    fn from_unit(fraction: f32) -> Self {
        (fraction * 65_535.0 + 0.5) as Self
    }

    fn cell_sums(samples: &[Self], stride: usize) -> [u32; CHANNELS] {
        let mut sums = [0_u32; CELL_SIDE * CHANNELS];
        let rows = samples.chunks(stride).take(CELL_SIDE);
        for row in rows.filter_map(<[u16]>::first_chunk::<{ CELL_SIDE * CHANNELS }>) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += u32::from(*value);
            }
        }
        std::array::from_fn(|channel| sums.iter().skip(channel).step_by(CHANNELS).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_8_bit_sample_survives_16_bits() {
        for sample in 0..=u8::MAX {
            let deep = u16::from_u8(sample);
            assert_eq!((deep, deep.to_u8()), (sample.to_u16(), sample));
            assert_eq!((u8::from_u16(deep), u16::from_u16(deep)), (sample, deep));
            assert_eq!((u8::from_unit(sample.to_unit()), u16::from_unit(deep.to_unit())), (sample, deep));
        }
    }

    #[test]
    fn fractions_are_clamped() {
        for (fraction, expected) in [(-1.0, (0, 0)), (f32::NAN, (0, 0)), (2.0, (255, 65_535))] {
            assert_eq!((u8::from_unit(fraction), u16::from_unit(fraction)), expected);
        }
    }
}
