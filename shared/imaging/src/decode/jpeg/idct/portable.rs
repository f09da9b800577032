//! On any processor.

use std::array::from_fn;

use super::lanes::{CENTER, Lanes, SIDE};

#[derive(Clone, Copy)]
pub(super) struct Array([i16; SIDE]);

impl Lanes for Array {
    type Wide = [i32; SIDE];

    fn dequantize(coefficients: &[i16; SIDE], steps: &[u16; SIDE]) -> Self {
        Self(from_fn(|at| coefficients[at].wrapping_mul(steps[at] as i16)))
    }

    fn plus(self, other: Self) -> Self {
        Self(from_fn(|at| self.0[at].wrapping_add(other.0[at])))
    }

    fn weigh(a: Self, a_factor: i16, b: Self, b_factor: i16) -> [i32; SIDE] {
        let product = |value: i16, factor: i16| i32::from(value) * i32::from(factor);
        from_fn(|at| product(a.0[at], a_factor).wrapping_add(product(b.0[at], b_factor)))
    }

    fn add(a: [i32; SIDE], b: [i32; SIDE]) -> [i32; SIDE] {
        from_fn(|at| a[at].wrapping_add(b[at]))
    }

    fn subtract(a: [i32; SIDE], b: [i32; SIDE]) -> [i32; SIDE] {
        from_fn(|at| a[at].wrapping_sub(b[at]))
    }

    fn descale<const SHIFT: i32>(wide: [i32; SIDE]) -> Self {
        let half = 1 << (SHIFT - 1);
        Self(wide.map(|value| (value.wrapping_add(half) >> SHIFT).clamp(i16::MIN.into(), i16::MAX.into()) as i16))
    }

    fn transpose(rows: [Self; SIDE]) -> [Self; SIDE] {
        from_fn(|row| Self(from_fn(|column| rows[column].0[row])))
    }

    fn samples(self) -> [u8; SIDE] {
        self.0.map(|value| value.saturating_add(CENTER).clamp(0, 255) as u8)
    }
}
