//! From the bytes of a row to samples of 8 or 16 bits.

use half::f16;

use super::sample_format::Number;
use crate::decode::color::Sample;

/// How the samples of a page are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredSamples {
    /// Bits per sample, from 1 to 64.
    pub(super) bits: usize,
    pub(super) number: Number,
    /// Whether numbers are scaled to the full range. Indices are not.
    pub(super) is_scaled: bool,
}

impl StoredSamples {
    /// Unpacks the first samples of a row. Missing ones stay as they are.
    pub(super) fn unpack<T: Sample>(self, row: &[u8], is_big_endian: bool, samples: &mut [T]) {
        match (self.number, self.bits) {
            (Number::Unsigned, 8) => {
                for (sample, byte) in samples.iter_mut().zip(row) {
                    *sample =
                        T::from_u32(if self.is_scaled { u32::from(*byte) * (T::MAX / 255) } else { (*byte).into() });
                }
            }
            (Number::Unsigned, 16) if T::MAX > 255 => {
                for (sample, bytes) in samples.iter_mut().zip(row.as_chunks::<2>().0) {
                    *sample = T::from_u32(ordered(*bytes, is_big_endian, u16::from_le_bytes).into());
                }
            }
            (Number::Unsigned, bits) => self.unpack_bits(bits, row, is_big_endian, samples),
            (Number::Float, 16) => {
                unpack_floats(row, is_big_endian, samples, |bytes| f16::from_le_bytes(bytes).to_f32());
            }
            // 24 bits have the sign and the seven-bit exponent of a format of their own.
            (Number::Float, 24) => unpack_floats(row, is_big_endian, samples, float24),
            (Number::Float, 32) => unpack_floats(row, is_big_endian, samples, f32::from_le_bytes),
            (Number::Float, _) => {
                unpack_floats(row, is_big_endian, samples, |bytes| f64::from_le_bytes(bytes) as f32);
            }
        }
    }

    /// Samples of any depth up to 32 bits: whole bytes in the file's order, others packed from the highest bit.
    fn unpack_bits<T: Sample>(self, bits: usize, row: &[u8], is_big_endian: bool, samples: &mut [T]) {
        let max = (1_u64 << bits) - 1;
        let scaled = |number: u64| {
            if self.is_scaled { (number * u64::from(T::MAX) + max / 2) / max } else { number }
        };
        for (at, sample) in samples.iter_mut().enumerate() {
            let first = at * bits;
            let Some(bytes) = row.get(first / 8..(first + bits).div_ceil(8)) else { return };
            let number = if bits.is_multiple_of(8) && !is_big_endian {
                bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
            } else {
                let all = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                all >> (bytes.len() * 8 - first % 8 - bits) & max
            };
            *sample = T::from_u32(scaled(number) as u32);
        }
    }
}

/// A number from bytes in the file's order.
fn ordered<const SIZE: usize, N>(mut bytes: [u8; SIZE], is_big_endian: bool, read: impl Fn([u8; SIZE]) -> N) -> N {
    if is_big_endian {
        bytes.reverse();
    }
    read(bytes)
}

/// Numbers from 0 to 1; what lies outside is clipped, and NaN becomes 0.
fn unpack_floats<const SIZE: usize, T: Sample>(
    row: &[u8],
    is_big_endian: bool,
    samples: &mut [T],
    read: impl Fn([u8; SIZE]) -> f32,
) {
    for (sample, bytes) in samples.iter_mut().zip(row.as_chunks::<SIZE>().0) {
        let number = ordered(*bytes, is_big_endian, &read);
        // A cast from a float saturates.
        *sample = T::from_u32((number.clamp(0.0, 1.0) * T::MAX as f32 + 0.5) as u32);
    }
}

/// A sign, an exponent of seven bits and a fraction of sixteen (TIFF Technical Note 3).
fn float24([low, middle, high]: [u8; 3]) -> f32 {
    let exponent = i32::from(high & 0x7F);
    let fraction = f32::from(u16::from_le_bytes([low, middle])) / 65_536.0;
    let magnitude =
        if exponent == 0 { fraction * 2_f32.powi(-62) } else { (1.0 + fraction) * 2_f32.powi(exponent - 63) };
    if high & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked<T: Sample + std::fmt::Debug>(
        bits: usize,
        number: Number,
        row: &[u8],
        count: usize,
        big: bool,
    ) -> Vec<T> {
        let mut samples = vec![T::default(); count];
        StoredSamples { bits, number, is_scaled: true }.unpack(row, big, &mut samples);
        samples
    }

    #[test]
    fn scales_samples_of_every_depth_to_the_full_range() {
        let unsigned = Number::Unsigned;
        assert_eq!(unpacked::<u8>(1, unsigned, &[0b1010_0000], 3, false), [255, 0, 255]);
        assert_eq!(unpacked::<u8>(2, unsigned, &[0b1101_0000], 2, false), [255, 85]);
        assert_eq!(unpacked::<u8>(4, unsigned, &[0xF8], 2, false), [255, 136]);
        assert_eq!(unpacked::<u16>(12, unsigned, &[0xFF, 0xF8, 0x00], 2, false), [65_535, 32_776]);
        assert_eq!(unpacked::<u16>(16, unsigned, &[0x34, 0x12], 1, false), [0x1234]);
        assert_eq!(unpacked::<u16>(16, unsigned, &[0x12, 0x34], 1, true), [0x1234]);
        assert_eq!(unpacked::<u16>(32, unsigned, &[0xFF; 4], 1, true), [65_535]);
        assert_eq!(unpacked::<u16>(24, unsigned, &[0, 0, 0x80], 1, false), [32_768]);
    }

    #[test]
    fn reads_floating_point() {
        let float = Number::Float;
        assert_eq!(unpacked::<u16>(32, float, &0.5_f32.to_be_bytes(), 1, true), [32_768]);
        assert_eq!(unpacked::<u16>(64, float, &2.0_f64.to_le_bytes(), 1, false), [65_535]);
        assert_eq!(unpacked::<u16>(16, float, &f16::from_f32(0.25).to_le_bytes(), 1, false), [16_384]);
        assert_eq!(unpacked::<u16>(32, float, &f32::NAN.to_le_bytes(), 1, false), [0]);
        // 0.5 is 1.0 x 2^-1.
        assert_eq!(unpacked::<u16>(24, float, &[0, 0, 62], 1, false), [32_768]);
    }

    #[test]
    fn short_rows_are_harmless() {
        for bits in 1..=32 {
            for length in 0..9 {
                let _ = unpacked::<u16>(bits, Number::Unsigned, &vec![1; length], 4, true);
            }
        }
    }
}
