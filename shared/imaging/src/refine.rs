//! Refines the networks' matte to the size and sharpness of the photograph.
//!
//! A network answers at its own resolution, so its outline is soft where the photograph is sharp, and strands of hair merge.
//! Near the outline, alpha is close to a linear function of color (A. Levin et al., "A Closed-Form Solution to Natural
//! Image Matting", 2008). As in the guided filter (K. He et al., "Guided Image Filtering", 2010), that function is fitted to
//! the pixels around each pixel, with two differences:
//!
//! - Pixels are weighted by the network's confidence, so that certain subject and certain background determine the function
//!   in between.
//! - A fit is trusted as far as it explains the matte around it (its R²). Where subject and background have the same colors
//!   it explains little, and the network's answer stays.
//!
//! The fit is made on a reduced picture and applied at full size (K. He and J. Sun, "Fast Guided Filter", 2015), so its
//! cost does not depend on the size of the photograph, and the refined matte is the only memory that does.

mod box_mean;
mod haze;
mod linear_model;
mod ramp;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::resample;
pub(crate) use box_mean::box_mean;
use linear_model::LocalLinearModel;

/// The longer side of the reduced picture, in pixels. Twice that gave the same mattes.
const WORKING_SIDE: u32 = 512;

/// The matte of `picture`, at its size: 0 is background, 255 is subject. `matte` is the networks' answer for the picture
/// stretched to a square.
///
/// # Errors
/// [`Error::Resample`].
pub fn refine(picture: &RgbImage, matte: &CoarseMatte) -> Result<GrayImage, Error> {
    let (width, height) = picture.dimensions();
    let matte = haze::remove_haze(matte, width, height);
    let (small_width, small_height) = resample::fit_within(width, height, WORKING_SIDE);
    let small = resample::shrink(picture, small_width, small_height)?;
    let coarse = resample::resize_matte(&matte, small_width, small_height)?;
    let model = LocalLinearModel::fit(&small, &coarse, small_width as usize, small_height as usize);

    let mut alpha = resample::expand(&matte, width, height)?;
    let across = ScaledAxis::new(width, small_width);
    let down = ScaledAxis::new(height, small_height);
    let rows = alpha.par_chunks_exact_mut(width as usize).zip(picture.par_chunks_exact(3 * width as usize));
    rows.enumerate().for_each(|(y, (alpha, colors))| {
        let (above, below, share) = down.at(y as u32);
        for (x, (alpha, color)) in alpha.iter_mut().zip(colors.as_chunks::<3>().0).enumerate() {
            let (left, right, along) = across.at(x as u32);
            let corners = [(left, above), (right, above), (left, below), (right, below)];
            if corners.iter().all(|&(x, y)| model.trust(x, y) == 0.0) {
                continue;
            }
            let weights = [(1.0 - along) * (1.0 - share), along * (1.0 - share), (1.0 - along) * share, along * share];
            *alpha = model.interpolate(corners, weights).apply(*color, *alpha);
        }
    });
    Ok(alpha)
}

/// Maps the pixels of a large side to those of a small one.
#[derive(Debug, Clone, Copy)]
struct ScaledAxis {
    step: f32,
    last: u32,
}

impl ScaledAxis {
    fn new(large: u32, small: u32) -> Self {
        Self { step: small as f32 / large as f32, last: small - 1 }
    }

    /// The two small pixels around the large pixel `at`, and the weight of the second.
    fn at(self, at: u32) -> (usize, usize, f32) {
        let position = ((at as f32 + 0.5) * self.step - 0.5).clamp(0.0, self.last as f32);
        let first = (position as u32).min(self.last);
        let second = (first + 1).min(self.last);
        (first as usize, second as usize, position - first as f32)
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};
    use proptest::prelude::*;

    use super::*;

    /// A disc on a plain background, and its exact matte with an edge of one pixel.
    fn disc(width: u32, height: u32, radius: f32) -> (RgbImage, GrayImage) {
        let truth = GrayImage::from_fn(width, height, |x, y| {
            let (x, y) = (x as f32 + 0.5 - width as f32 / 2.0, y as f32 + 0.5 - height as f32 / 2.0);
            Luma([((radius - x.hypot(y) + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8])
        });
        let picture = RgbImage::from_fn(width, height, |x, y| {
            let alpha = f32::from(truth.get_pixel(x, y).0[0]) / 255.0;
            let mix = |front: f32, back: f32| (alpha * front + (1.0 - alpha) * back).round() as u8;
            Rgb([mix(180.0, 40.0), mix(60.0, 90.0), mix(50.0, 120.0)])
        });
        (picture, truth)
    }

    /// A network's answer: the true matte, reduced and blurred.
    fn blurred(truth: &GrayImage, side: u32) -> CoarseMatte {
        let small = image::imageops::resize(truth, side, side, image::imageops::FilterType::Triangle);
        let blurred = image::imageops::blur(&small, 1.5);
        CoarseMatte::new(side, blurred.iter().map(|value| f32::from(*value) / 255.0).collect()).expect("a square")
    }

    fn error(a: &GrayImage, b: &GrayImage) -> f64 {
        let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.len() as f64 / 255.0
    }

    #[test]
    fn sharpens_the_outline_to_that_of_the_photograph() {
        for (width, height) in [(900, 900), (1500, 700), (400, 1100)] {
            let (picture, truth) = disc(width, height, 180.0);
            let matte = blurred(&truth, 128);
            let plain = resample::expand(&matte, width, height).expect("resizes");
            let refined = refine(&picture, &matte).expect("refines");
            let (before, after) = (error(&plain, &truth), error(&refined, &truth));
            assert!(after < before / 2.0, "{width} x {height}: {after} where it was {before}");
        }
    }

    #[test]
    fn keeps_the_matte_where_colors_are_equal() {
        let (_, truth) = disc(300, 300, 80.0);
        let picture = RgbImage::from_pixel(300, 300, Rgb([120, 120, 120]));
        let matte = blurred(&truth, 64);
        let plain = resample::expand(&matte, 300, 300).expect("resizes");
        let refined = refine(&picture, &matte).expect("refines");
        assert!(error(&plain, &refined) < 0.002, "{}", error(&plain, &refined));
    }

    #[test]
    fn keeps_uniform_mattes() {
        let (picture, _) = disc(320, 200, 60.0);
        for value in [0.0, 1.0] {
            let matte = CoarseMatte::new(32, vec![value; 32 * 32]).expect("a square");
            let refined = refine(&picture, &matte).expect("refines");
            assert!(refined.iter().all(|alpha| f32::from(*alpha) == 255.0 * value));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn refined_matte_has_the_size_of_the_picture(
            width in 1_u32..90, height in 1_u32..90, side in 1_u32..20, seed in any::<u64>(),
        ) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            };
            let picture = RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()]));
            let values = (0..side * side).map(|_| f32::from(next()) / 255.0).collect();
            let matte = CoarseMatte::new(side, values).expect("a square");
            let refined = refine(&picture, &matte).expect("refines");
            prop_assert_eq!(refined.dimensions(), (width, height));
        }
    }
}
