//! From a picture to a coarse matte: which pixels belong to the subject, and how much.
//!
//! [`Segmenter`] is the seam between pictures and networks. Behind it runs Cutline's own [`engine`], or [`rten`] for
//! networks with operators that the engine does not support. Tests use segmenters without weights.

pub mod engine;
pub mod rten;

use image::RgbImage;

use crate::error::Error;
pub use crate::matte::CoarseMatte;
use crate::models::InputSpec;
use crate::resample;

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
}
