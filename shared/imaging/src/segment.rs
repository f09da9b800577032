//! From a picture to a matte: which pixels belong to the subject, and how much.
//!
//! [`Segmenter`] is the seam between pictures and networks. What runs behind it is Cutline's own [`engine`], and for
//! networks that it does not know [`rten`]; tests put something in its place that needs no weights.

pub mod engine;
pub mod rten;

use image::RgbImage;

use crate::error::Error;
use crate::models::Square;
use crate::resample;

/// A square matte at a network's own size: row by row, each value from 0 (background) to 1 (subject).
#[derive(Debug, Clone, PartialEq)]
pub struct Matte {
    side: u32,
    values: Vec<f32>,
}

impl Matte {
    /// A matte of `side` x `side` values, or `None` if there are not that many or `side` is 0. Values
    /// outside of 0 to 1 are clamped; what is not a number becomes 0.
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

    /// The matte with left and right changed over.
    pub(crate) fn mirrored(mut self) -> Self {
        for row in self.values.chunks_exact_mut(self.side as usize) {
            row.reverse();
        }
        self
    }

    /// Puts `join` of each value and the one of `other` at the same place into this matte. Both have the
    /// same side.
    pub(crate) fn zip(&mut self, other: &Self, join: impl Fn(f32, f32) -> f32) {
        debug_assert_eq!(self.side, other.side);
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value = unit(join(*value, *other));
        }
    }

    /// Changes every value by `change`; the result is clamped like that of [`Matte::new`].
    pub(crate) fn map(&mut self, change: impl Fn(f32) -> f32) {
        for value in &mut self.values {
            *value = unit(change(*value));
        }
    }

    /// Changes every value by `change`, which is also told its place; the result is clamped like that of
    /// [`Matte::new`].
    pub(crate) fn edit(&mut self, change: impl Fn(usize, f32) -> f32) {
        for (at, value) in self.values.iter_mut().enumerate() {
            *value = unit(change(at, *value));
        }
    }
}

fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// Finds the subject of a picture.
pub trait Segmenter: Send + Sync {
    /// The matte of `picture`, an upright picture in sRGB of at least 1 x 1 pixels. The picture is squashed
    /// to the square that the matte has, whatever its proportions. The matte is the network's own answer,
    /// not stretched to the full range: where there is no subject, no value is high.
    ///
    /// # Errors
    /// [`Error::Inference`], [`Error::Resample`].
    fn segment(&self, picture: &RgbImage) -> Result<Matte, Error>;
}

/// A picture as a network takes it.
fn put_before(picture: &RgbImage, square: &Square) -> Result<Vec<f32>, Error> {
    Ok(normalise(&resample::squash(picture, square.side)?, square))
}

/// From interleaved RGB, 0 to 255, to the planar input that [`Square`] describes. Dividing by the largest
/// value of the picture, and not by 255, is what the networks were trained with.
fn normalise(rgb: &[u8], square: &Square) -> Vec<f32> {
    let largest = f32::from(rgb.iter().copied().max().unwrap_or(0).max(1));
    let mut tensor = Vec::with_capacity(rgb.len());
    for channel in 0..3 {
        let (mean, std) = (square.mean[channel], square.std[channel]);
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
    fn the_input_is_planar_and_scaled_by_the_largest_value() {
        let tensor = normalise(&[100, 50, 0, 0, 25, 100], &ISNET.square);
        assert_eq!(tensor, [0.5, -0.5, 0.0, -0.25, -0.5, 0.5]);
    }

    #[test]
    fn a_black_picture_is_no_division_by_zero() {
        assert!(normalise(&[0; 12], &U2NETP.square).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_matte_is_square_and_within_range() {
        assert_eq!(Matte::new(0, vec![]), None);
        assert_eq!(Matte::new(2, vec![0.0; 3]), None);
        let matte = Matte::new(2, vec![-1.0, f32::NAN, 0.5, f32::INFINITY]).expect("four values");
        assert_eq!(matte.values(), [0.0, 0.0, 0.5, 1.0]);
    }
}
