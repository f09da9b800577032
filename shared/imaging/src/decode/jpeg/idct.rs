//! The inverse cosine transform of a block: the accurate integer method of libjpeg, with the same results.
//!
//! Source: C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications", 1989,
//! with constants of 13 bits and two more bits between the passes.

mod lanes;
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable;
#[cfg(target_arch = "x86_64")]
mod sse2;

use self::lanes::{CENTER, Lanes};
#[cfg(not(target_arch = "x86_64"))]
use self::portable::Array as BestLanes;
#[cfg(target_arch = "x86_64")]
use self::sse2::Register as BestLanes;

pub(super) use self::lanes::SIDE;

/// Coefficients of a block, row by row.
pub(super) type Block = [i16; SIDE * SIDE];
/// Samples of a block, row by row.
type Samples = [[u8; SIDE]; SIDE];

const CONSTANT_BITS: i32 = 13;
/// Bits that are kept between the passes.
const PASS_BITS: i32 = 2;

/// Writes the samples of a block: `samples` begins at its corner, and has rows of `stride`.
pub(super) fn transform(block: &Block, quantization: &[u16; SIDE * SIDE], samples: &mut [u8], stride: usize) {
    let rows = match dc_alone(block) {
        Some(dc) => {
            let average = dc.wrapping_mul(quantization[0] as i16);
            // Both passes add a half before they round down.
            let sample = ((i32::from(average) + 4) >> 3).saturating_add(CENTER.into()).clamp(0, 255) as u8;
            [[sample; SIDE]; SIDE]
        }
        None => both_passes::<BestLanes>(block, quantization),
    };
    for (y, row) in rows.iter().enumerate() {
        samples[y * stride..][..SIDE].copy_from_slice(row);
    }
}

/// The first coefficient, if all others are 0.
fn dc_alone(block: &Block) -> Option<i16> {
    let (first, rest) = block.split_first()?;
    (rest.iter().fold(0, |any, coefficient| any | coefficient) == 0).then_some(*first)
}

/// Transforms columns, then rows.
#[inline(always)]
fn both_passes<L: Lanes>(block: &Block, quantization: &[u16; SIDE * SIDE]) -> Samples {
    let (coefficients, steps) = (block.as_chunks::<SIDE>().0, quantization.as_chunks::<SIDE>().0);
    let rows: [L; SIDE] = std::array::from_fn(|row| L::dequantize(&coefficients[row], &steps[row]));
    let columns_done = pass::<L, { CONSTANT_BITS - PASS_BITS }>(rows);
    let rows_done = pass::<L, { CONSTANT_BITS + PASS_BITS + 3 }>(L::transpose(columns_done));
    L::transpose(rows_done).map(L::samples)
}

/// Transforms all columns, and divides by 2 to the power of `SHIFT`, rounding.
#[inline(always)]
fn pass<L: Lanes, const SHIFT: i32>(rows: [L; SIDE]) -> [L; SIDE] {
    let even = even_part([rows[0], rows[2], rows[4], rows[6]]);
    let odd = odd_part([rows[1], rows[3], rows[5], rows[7]]);
    let upper = |at: usize| L::descale::<SHIFT>(L::add(even[at], odd[at]));
    let lower = |at: usize| L::descale::<SHIFT>(L::subtract(even[at], odd[at]));
    [upper(0), upper(1), upper(2), upper(3), lower(3), lower(2), lower(1), lower(0)]
}

/// From rows 0, 2, 4 and 6.
#[inline(always)]
fn even_part<L: Lanes>([row0, row2, row4, row6]: [L; SIDE / 2]) -> [L::Wide; SIDE / 2] {
    let low = L::weigh(row2, 4433, row6, 4433 - 15_137);
    let high = L::weigh(row2, 4433 + 6270, row6, 4433);
    let sum = L::weigh(row0, 1 << CONSTANT_BITS, row4, 1 << CONSTANT_BITS);
    let difference = L::weigh(row0, 1 << CONSTANT_BITS, row4, -(1 << CONSTANT_BITS));
    [L::add(sum, high), L::add(difference, low), L::subtract(difference, low), L::subtract(sum, high)]
}

/// From rows 1, 3, 5 and 7.
#[inline(always)]
fn odd_part<L: Lanes>([row1, row3, row5, row7]: [L; SIDE / 2]) -> [L::Wide; SIDE / 2] {
    let (upper, lower) = (row7.plus(row3), row5.plus(row1));
    let turned_upper = L::weigh(upper, 9633 - 16_069, lower, 9633);
    let turned_lower = L::weigh(upper, 9633, lower, 9633 - 3196);
    [
        L::add(L::weigh(row7, -7373, row1, 12_299 - 7373), turned_lower),
        L::add(L::weigh(row5, -20_995, row3, 25_172 - 20_995), turned_upper),
        L::add(L::weigh(row5, 16_819 - 20_995, row3, -20_995), turned_lower),
        L::add(L::weigh(row7, 2446 - 7373, row1, -7373), turned_upper),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(block: &Block, quantization: u16) -> Vec<u8> {
        let mut samples = vec![0; 64];
        transform(block, &[quantization; 64], &mut samples, SIDE);
        samples
    }

    /// The transform by its definition (annex A.3.3).
    fn exact(block: &Block, x: usize, y: usize) -> f64 {
        let basis = |frequency: usize, at: usize| {
            let scale = if frequency == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
            scale * ((2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0).cos()
        };
        let terms = (0..64).map(|at| f64::from(block[at]) * basis(at % 8, x) * basis(at / 8, y));
        128.0 + terms.sum::<f64>() / 4.0
    }

    #[test]
    fn is_the_transform_by_its_definition() {
        let mut state = 7_u32;
        for _ in 0..50 {
            let block: Block = std::array::from_fn(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as i16 / (200 + 300 * at as i16)
            });
            for (at, sample) in samples(&block, 1).iter().enumerate() {
                let expected = exact(&block, at % 8, at / 8).clamp(0.0, 255.0);
                assert!((f64::from(*sample) - expected).abs() < 1.0, "{sample} where {expected} is expected");
            }
        }
    }

    #[test]
    fn a_block_of_one_color_takes_a_short_way_to_the_same_result() {
        for average in [-2000, -1025, -3, 0, 1, 500, 1016, 2000] {
            let mut block = [0; 64];
            block[0] = average;
            let short = samples(&block, 1);
            assert!(
                short
                    .iter()
                    .all(|sample| f64::from(*sample)
                        == (128.0 + f64::from(average) / 8.0 + 1e-9).round().clamp(0.0, 255.0)),
                "{average}: {short:?}"
            );
        }
    }

    #[test]
    fn the_processors_own_instructions_give_the_same_samples() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16
        };
        // From the coefficients of photographs to those of hostile files.
        for bits in 1..=16 {
            for _ in 0..200 {
                let block: Block = std::array::from_fn(|_| next().cast_signed() >> (16 - bits));
                let quantization = std::array::from_fn(|_| next() >> (16 - bits));
                let samples = both_passes::<BestLanes>(&block, &quantization);
                assert_eq!(samples, both_passes::<portable::Array>(&block, &quantization), "{bits} bits");
            }
        }
    }

    #[test]
    fn overflow_is_harmless() {
        let _ = samples(&[i16::MIN; 64], u16::MAX);
        let _ = samples(&[i16::MAX; 64], u16::MAX);
    }
}
