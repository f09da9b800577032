//! Mattes: at the size of a network, and at the size of the photograph.

use image::GrayImage;

/// The matte of a photograph at its own size: 0 is background, 255 is subject. A network's answer is a
/// [`CoarseMatte`] until [`mod@crate::refine`] brings it to this size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matte(GrayImage);

impl Matte {
    /// Takes alpha of the photograph's size.
    pub fn new(alpha: GrayImage) -> Self {
        Self(alpha)
    }

    /// The values as a picture.
    pub(crate) fn as_gray(&self) -> &GrayImage {
        &self.0
    }

    /// The values as a picture.
    pub(crate) fn into_gray(self) -> GrayImage {
        self.0
    }
}

/// A square matte at a network's own size: row by row, each value from 0 (background) to 1 (subject). The photograph is
/// squashed to that square, whatever its aspect ratio. [`Matte`] is the matte at the photograph's size.
#[derive(Debug, Clone, PartialEq)]
pub struct CoarseMatte {
    side: u32,
    values: Vec<f32>,
}

impl CoarseMatte {
    /// A matte of `side` x `side` values, or `None` if there are not that many or `side` is 0. Clamps values to 0 to 1;
    /// NaN becomes 0.
    pub fn new(side: u32, mut values: Vec<f32>) -> Option<Self> {
        if side == 0 || values.len() as u64 != u64::from(side) * u64::from(side) {
            return None;
        }
        for value in &mut values {
            *value = unit(*value);
        }
        Some(Self { side, values })
    }

    /// Width and height in pixels, at least 1.
    pub fn side(&self) -> u32 {
        self.side
    }

    /// The values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// A matte without a subject, of the same size.
    pub(crate) fn emptied(mut self) -> Self {
        self.values.fill(0.0);
        self
    }

    /// Whether any value is above 0.
    pub(crate) fn has_subject(&self) -> bool {
        self.values.iter().any(|value| *value > 0.0)
    }

    /// The matte with left and right swapped.
    pub(crate) fn mirrored(mut self) -> Self {
        for row in self.values.chunks_exact_mut(self.side as usize) {
            row.reverse();
        }
        self
    }

    /// Replaces each value by `join` of it and its counterpart in `other`, clamped like in [`CoarseMatte::new`]. Both
    /// mattes have the same side.
    pub(crate) fn zip(&mut self, other: &Self, join: impl Fn(f32, f32) -> f32) {
        debug_assert_eq!(self.side, other.side);
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value = unit(join(*value, *other));
        }
    }

    /// Replaces each value by `change` of it, clamped like in [`CoarseMatte::new`].
    pub(crate) fn map(&mut self, change: impl Fn(f32) -> f32) {
        for value in &mut self.values {
            *value = unit(change(*value));
        }
    }

    /// Replaces each value by `change` of its index and it, clamped like in [`CoarseMatte::new`].
    pub(crate) fn edit(&mut self, change: impl Fn(usize, f32) -> f32) {
        for (at, value) in self.values.iter_mut().enumerate() {
            *value = unit(change(at, *value));
        }
    }
}

/// Clamps to 0 to 1; NaN becomes 0.
fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_mattes_are_square_and_clamped() {
        assert_eq!(CoarseMatte::new(0, vec![]), None);
        assert_eq!(CoarseMatte::new(2, vec![0.0; 3]), None);
        let matte = CoarseMatte::new(2, vec![-1.0, f32::NAN, 0.5, f32::INFINITY]).expect("four values");
        assert_eq!(matte.values(), [0.0, 0.0, 0.5, 1.0]);
    }
}
