//! A clean plate: the same scene without the subject. Where it differs from the photograph by more than the noise, there
//! is subject, its shadow, or light that it reflects. That makes glass, white on white and thin wires visible, which the
//! networks miss.
//!
//! The steps, on pictures of at most [`WORKING_SIDE`] pixels a side:
//!
//! 1. [`exposure`]: the gain of each channel, from what the networks take for background.
//! 2. [`alignment`]: shift and scale between the two exposures, to a fraction of a pixel.
//! 3. [`noise`]: how far photograph and plate differ where there is no subject, by brightness and detail.
//! 4. [`shade`]: which differences are shadow or spill. They fade in; a subject has an outline.
//! 5. [`likelihood`]: how likely each remaining difference is subject, how much of the pixel it covers, and the fusion with
//!    the networks' matte.
//!
//! Where photograph and plate differ by less than the noise, the plate says nothing and the networks' matte stays, bit by
//! bit. [`setup`] compares how both were taken.

mod alignment;
mod exposure;
mod likelihood;
mod noise;
mod scene;
mod setup;
mod shade;
#[cfg(test)]
mod tests;

use image::RgbImage;

use self::alignment::Alignment;
use self::exposure::Gain;
use self::likelihood::Evidence;
use self::noise::NoiseModel;
use self::scene::Planes;
pub(crate) use self::setup::differences;
use self::shade::Shade;
use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::resample;

/// The longer side of the pictures that are compared, in pixels.
const WORKING_SIDE: u32 = 1000;
/// Up to this value of the networks' matte, a pixel counts as background when gain and noise are estimated.
const BACKGROUND: f32 = 0.1;
/// The largest share of the networks' background that may differ from the plate. A subject that the networks miss is
/// smaller.
const MAX_UNEXPLAINED: f32 = 0.5;
/// The fewest pixels that say whether the plate matches.
const MIN_BACKGROUND: usize = 500;

const MISMATCH: &str = "The clean plate was not used: it does not match the background of the photograph. Take both from the \
                        same place, with the same focal length and exposure.";

/// The networks' matte together with what the plate says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fused {
    /// Of the same side as the networks' matte.
    pub(crate) matte: CoarseMatte,
    /// A sentence if the plate was not used.
    pub(crate) warning: Option<String>,
}

/// Fuses the networks' `matte` of `photo` with the evidence of `plate`. Both pictures are upright sRGB, of the same size and
/// show the same part of the scene.
///
/// # Errors
/// [`Error::Resample`]; [`Error::SizeMismatch`].
pub(crate) fn fuse(photo: &RgbImage, plate: &RgbImage, matte: CoarseMatte) -> Result<Fused, Error> {
    if photo.dimensions() != plate.dimensions() {
        return Err(Error::SizeMismatch("the photograph and its clean plate"));
    }
    let (width, height) = photo.dimensions();
    let (width, height) = resample::fit_within(width, height, WORKING_SIDE);
    let prior = resample::resize_matte(&matte, width, height)?;
    let small = |picture: &RgbImage| -> Result<Planes, Error> {
        Ok(Planes::of_srgb(&resample::shrink(picture, width, height)?, width as usize))
    };
    let (photo, plate) = (small(photo)?, small(plate)?);
    match compare(&photo, &plate, &prior) {
        None => Ok(Fused { matte, warning: Some(MISMATCH.to_owned()) }),
        Some(evidence) => {
            let changes = evidence.changes(&prior);
            let changes = resample::squash_values(&changes, (width, height), matte.side())?;
            let mut fused = matte;
            fused.edit(|at, value| value + changes[at]);
            Ok(Fused { matte: fused, warning: None })
        }
    }
}

/// What the plate says about each pixel. `None` if it does not match.
fn compare(photo: &Planes, plate: &Planes, prior: &[f32]) -> Option<Evidence> {
    let is_background: Vec<bool> = prior.iter().map(|value| *value <= BACKGROUND).collect();
    // The gain of unaligned pictures is near enough to align them by.
    let lit = Gain::between(photo, plate, &is_background)?.apply(plate);
    let alignment = Alignment::between(photo, &lit, prior)?;
    let (aligned, covered) = alignment.apply(&lit);
    let is_background: Vec<bool> = is_background.iter().zip(&covered).map(|(one, other)| *one && *other).collect();
    let aligned = Gain::between(photo, &aligned, &is_background)?.apply(&aligned);
    let noise = NoiseModel::between(photo, &aligned, &is_background)?;
    let difference = noise.difference(photo, &aligned, &covered);
    let shade = Shade::between(photo, &aligned, &difference, prior);
    let background = is_background.iter().filter(|is_background| **is_background).count();
    let unexplained = (0..prior.len()).filter(|at| is_background[*at] && shade.is_subject(*at, &difference)).count();
    if background >= MIN_BACKGROUND && unexplained as f32 > MAX_UNEXPLAINED * background as f32 {
        return None;
    }
    Some(Evidence::of(photo, &aligned, (&difference, &noise), &shade))
}
