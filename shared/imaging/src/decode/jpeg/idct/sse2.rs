//! In registers of SSE2, which every x86-64 processor has.

use safe_arch::{
    add_i16_m128i, add_i32_m128i, add_saturating_i16_m128i, get_i64_from_m128i_s, m128i, mul_i16_horizontal_add_m128i,
    mul_i16_keep_low_m128i, pack_i16_to_u8_m128i, pack_i32_to_i16_m128i, set_splat_i16_m128i, set_splat_i32_m128i,
    shr_imm_i32_m128i, sub_i32_m128i, unpack_high_i16_m128i, unpack_high_i32_m128i, unpack_high_i64_m128i,
    unpack_low_i16_m128i, unpack_low_i32_m128i, unpack_low_i64_m128i,
};

use super::lanes::{CENTER, Lanes, SIDE};

#[derive(Clone, Copy)]
pub(super) struct Register(m128i);

impl Lanes for Register {
    /// The lower four, and the upper four.
    type Wide = [m128i; 2];

    #[inline(always)]
    fn dequantize(coefficients: &[i16; SIDE], steps: &[u16; SIDE]) -> Self {
        Self(mul_i16_keep_low_m128i((*coefficients).into(), (*steps).into()))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(add_i16_m128i(self.0, other.0))
    }

    #[inline(always)]
    fn weigh(a: Self, a_factor: i16, b: Self, b_factor: i16) -> [m128i; 2] {
        let factors = set_splat_i32_m128i(i32::from(a_factor.cast_unsigned()) | i32::from(b_factor) << 16);
        [unpack_low_i16_m128i(a.0, b.0), unpack_high_i16_m128i(a.0, b.0)]
            .map(|pairs| mul_i16_horizontal_add_m128i(pairs, factors))
    }

    #[inline(always)]
    fn add(a: [m128i; 2], b: [m128i; 2]) -> [m128i; 2] {
        [add_i32_m128i(a[0], b[0]), add_i32_m128i(a[1], b[1])]
    }

    #[inline(always)]
    fn subtract(a: [m128i; 2], b: [m128i; 2]) -> [m128i; 2] {
        [sub_i32_m128i(a[0], b[0]), sub_i32_m128i(a[1], b[1])]
    }

    #[inline(always)]
    fn descale<const SHIFT: i32>(wide: [m128i; 2]) -> Self {
        let half = set_splat_i32_m128i(1 << (SHIFT - 1));
        let [low, high] = wide.map(|values| shr_imm_i32_m128i::<SHIFT>(add_i32_m128i(values, half)));
        Self(pack_i32_to_i16_m128i(low, high))
    }

    #[inline(always)]
    fn transpose(rows: [Self; SIDE]) -> [Self; SIDE] {
        let [a, b, c, d, e, f, g, h] = rows.map(|row| row.0);
        // Pairs of rows, then fours, then all eight.
        let pairs = [(a, b), (c, d), (e, f), (g, h)];
        let [ab, cd, ef, gh] = pairs.map(|(x, y)| [unpack_low_i16_m128i(x, y), unpack_high_i16_m128i(x, y)]);
        let fours = |x: [m128i; 2], y: [m128i; 2]| {
            [
                unpack_low_i32_m128i(x[0], y[0]),
                unpack_high_i32_m128i(x[0], y[0]),
                unpack_low_i32_m128i(x[1], y[1]),
                unpack_high_i32_m128i(x[1], y[1]),
            ]
        };
        let (upper, lower) = (fours(ab, cd), fours(ef, gh));
        std::array::from_fn(|at| {
            let (x, y) = (upper[at / 2], lower[at / 2]);
            Self(if at % 2 == 0 { unpack_low_i64_m128i(x, y) } else { unpack_high_i64_m128i(x, y) })
        })
    }

    #[inline(always)]
    fn samples(self) -> [u8; SIDE] {
        let values = add_saturating_i16_m128i(self.0, set_splat_i16_m128i(CENTER));
        get_i64_from_m128i_s(pack_i16_to_u8_m128i(values, values)).to_le_bytes()
    }
}
