//! From the networks' matte to the matte of the photograph at its own size.
//!
//! A network answers at its own resolution, so its outline is soft where the photograph is sharp, and
//! strands of hair run together. The photograph knows better: near the outline, alpha is close to a linear
//! function of color (Levin et al. 2008, "A Closed-Form Solution to Natural Image Matting"). That function
//! is fitted from the pixels around, as the guided filter does (He et al. 2010, "Guided Image Filtering"),
//! with two differences:
//!
//! - every pixel counts by how sure the network is of it, so the fit learns from what surely is subject and
//!   surely is background what lies between;
//! - the fit is believed as far as it explains the matte around (its R²). Where subject and background have
//!   the same colors it explains little, and the network's answer stays.
//!
//! The fit is made on a small picture and applied at full size (He and Sun 2015, "Fast
//! Guided Filter"), so it costs as much for 50 megapixels as for two, and takes no memory that grows with
//! the picture beside the matte itself.

mod boxes;
mod fit;
mod haze;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::resample;
use fit::Fit;

/// The longest side of the picture that the fit is made on. Twice that gave the same mattes.
const WORKING_SIDE: u32 = 512;

/// The matte of `picture`, at its size: 0 is background, 255 is subject. `matte` is the networks' answer for
/// the picture squashed to a square.
///
/// # Errors
/// [`Error::Resample`].
pub fn refine(picture: &RgbImage, matte: &CoarseMatte) -> Result<GrayImage, Error> {
    let (width, height) = picture.dimensions();
    let matte = haze::clear(matte, width, height);
    let (small_width, small_height) = within(width, height, WORKING_SIDE);
    let small = resample::shrink(picture, small_width, small_height)?;
    let coarse = resample::resize_matte(&matte, small_width, small_height)?;
    let fit = Fit::new(&small, &coarse, small_width as usize, small_height as usize);

    let mut alpha = resample::expand(&matte, width, height)?;
    let across = Axis::new(width, small_width);
    let down = Axis::new(height, small_height);
    let rows = alpha.par_chunks_exact_mut(width as usize).zip(picture.par_chunks_exact(3 * width as usize));
    rows.enumerate().for_each(|(y, (alpha, colors))| {
        let (above, below, share) = down.at(y as u32);
        for (x, (alpha, color)) in alpha.iter_mut().zip(colors.as_chunks::<3>().0).enumerate() {
            let (left, right, along) = across.at(x as u32);
            let corners = [(left, above), (right, above), (left, below), (right, below)];
            if corners.iter().all(|&(x, y)| fit.trust(x, y) == 0.0) {
                continue;
            }
            let weights = [(1.0 - along) * (1.0 - share), along * (1.0 - share), (1.0 - along) * share, along * share];
            let local = fit.between(corners, weights);
            *alpha = local.apply(*color, *alpha);
        }
    });
    Ok(alpha)
}

/// 0 up to the first, 1 from the second on, and straight between.
fn ramp(value: f32, (from, to): (f32, f32)) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// A size of the same proportions whose longer side is at most `longest`, and none below 1.
fn within(width: u32, height: u32, longest: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= longest {
        return (width, height);
    }
    let scale = |side: u32| {
        let scaled = (u64::from(side) * u64::from(longest) + u64::from(longer) / 2) / u64::from(longer);
        (scaled as u32).max(1)
    };
    (scale(width), scale(height))
}

/// Where the pixels of a large side lie between those of a small one.
#[derive(Debug, Clone, Copy)]
struct Axis {
    step: f32,
    last: u32,
}

impl Axis {
    fn new(large: u32, small: u32) -> Self {
        Self { step: small as f32 / large as f32, last: small - 1 }
    }

    /// The two small pixels around the large one at `at`, and the share of the second.
    fn at(self, at: u32) -> (usize, usize, f32) {
        let place = ((at as f32 + 0.5) * self.step - 0.5).clamp(0.0, self.last as f32);
        let first = (place as u32).min(self.last);
        let second = (first + 1).min(self.last);
        (first as usize, second as usize, place - first as f32)
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};
    use proptest::prelude::*;

    use super::*;

    /// A disc on a plain ground, and its exact matte with an edge of one pixel.
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

    /// What a network would say of it: the truth at a small side, blurred.
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
    fn the_outline_becomes_as_sharp_as_the_photograph() {
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
    fn where_colors_tell_nothing_the_matte_stays() {
        let (_, truth) = disc(300, 300, 80.0);
        let picture = RgbImage::from_pixel(300, 300, Rgb([120, 120, 120]));
        let matte = blurred(&truth, 64);
        let plain = resample::expand(&matte, 300, 300).expect("resizes");
        let refined = refine(&picture, &matte).expect("refines");
        assert!(error(&plain, &refined) < 0.002, "{}", error(&plain, &refined));
    }

    #[test]
    fn what_is_sure_stays_as_it_is() {
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
        fn any_picture_and_any_matte_give_a_matte_of_the_pictures_size(
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
