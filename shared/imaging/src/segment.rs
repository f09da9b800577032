//! From a picture to a coarse matte: which pixels belong to the subject, and how much.
//!
//! [`Segmenter`] is the seam between pictures and networks. Behind it runs Cutline's own [`engine`], or [`rten`] for
//! networks with operators that the engine does not support. Tests use segmenters without weights.

pub mod engine;
pub mod rten;

use image::RgbImage;

use crate::error::Error;
use crate::models::InputSpec;
use crate::resample;

/// A square matte at a network's own size: row by row, each value from 0 (background) to 1 (subject). The photograph is
/// squashed to that square, whatever its aspect ratio. [`Matte`](crate::Matte) is the matte at the photograph's size.
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

/// Finds the subject of a picture.
pub trait Segmenter: Send + Sync {
    /// The matte of `picture`, an upright sRGB picture of at least 1 x 1 pixels. This is the network's own answer, not
    /// stretched to the full range: without a subject, no value is high.
    ///
    /// # Errors
    /// [`Error::Inference`], [`Error::Resample`].
    fn segment(&self, picture: &RgbImage) -> Result<CoarseMatte, Error>;
}

/// The input tensor for a picture: `[1, 3, side, side]`, see [`InputSpec`].
fn input_tensor(picture: &RgbImage, input: &InputSpec) -> Result<Vec<f32>, Error> {
    Ok(normalize(&resample::squash(picture, input.side)?, input))
}

/// From interleaved RGB, 0 to 255, to the planar input that [`InputSpec`] describes. The networks were trained on values
/// divided by the largest one of the picture, not by 255.
fn normalize(rgb: &[u8], input: &InputSpec) -> Vec<f32> {
    let largest = f32::from(rgb.iter().copied().max().unwrap_or(0).max(1));
    let mut tensor = Vec::with_capacity(rgb.len());
    for channel in 0..3 {
        let (mean, std) = (input.mean[channel], input.std[channel]);
        let values = rgb.iter().skip(channel).step_by(3);
        tensor.extend(values.map(|&value| (f32::from(value) / largest - mean) / std));
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{ISNET, U2NETP};

    #[test]
    fn input_is_planar_and_scaled_by_the_largest_value() {
        let tensor = normalize(&[100, 50, 0, 0, 25, 100], &ISNET.input);
        assert_eq!(tensor, [0.5, -0.5, 0.0, -0.25, -0.5, 0.5]);
    }

    #[test]
    fn a_black_picture_does_not_divide_by_zero() {
        assert!(normalize(&[0; 12], &U2NETP.input).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn coarse_mattes_are_square_and_clamped() {
        assert_eq!(CoarseMatte::new(0, vec![]), None);
        assert_eq!(CoarseMatte::new(2, vec![0.0; 3]), None);
        let matte = CoarseMatte::new(2, vec![-1.0, f32::NAN, 0.5, f32::INFINITY]).expect("four values");
        assert_eq!(matte.values(), [0.0, 0.0, 0.5, 1.0]);
    }
}
