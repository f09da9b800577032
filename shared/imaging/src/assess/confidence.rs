//! The probability that a cut is good: that no wrong region larger than 0.5 % of the subject lies farther than 1 % of the
//! diagonal from the true outline.
//!
//! A logistic model of a few numbers about the networks' mattes. `cargo xtask bench confidence` measures how well it
//! estimates, and fits its weights; `ARCHITECTURE.md` says to what they were fitted.

use image::RgbImage;

use super::findings::{APART, MIN_SHARE};
use super::survey::{SUBJECT, Survey};
use crate::error::Error;
use crate::guide::{UNITS, distance_to};
use crate::matting::{Prediction, sureness};
use crate::refine::box_mean;

/// The natural logarithm of the odds that a cut is good if all features are 0.
const BIAS: f64 = -1.134;
/// How much each feature adds to that, per unit of the feature, in the order of [`Features::NAMES`].
const WEIGHTS: [f64; Features::NAMES.len()] = [-0.576, -0.230, -2.777, -0.950, -0.553, -0.319];

/// How far both networks are from the cut where both doubt it.
const DOUBT: f32 = 0.2;
/// Added to the share by which two subjects differ, so that equal ones have a logarithm.
const EQUAL: f64 = 0.01;
/// The sureness of one network alone that is a confidence of 0.5.
const DOUBTFUL: f32 = 0.67;

/// What the confidence in a cut by two networks is estimated from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features([f64; Features::NAMES.len()]);

impl Features {
    /// The features by name, in the order of [`Features::values`].
    ///
    /// - `networks_differ`: 1 less the intersection over union of the networks' subjects, plus 0.01, as a natural logarithm.
    /// - `detail_overruled`: the same of the detail network's subject and the cut.
    /// - `detail_doubt`: the largest mean over a window of 1 % of the diagonal of how far the detail network is from the cut.
    /// - `both_doubt`: the area in which both networks are more than 0.2 from the cut.
    /// - `apart_outside`: the area outside of the cut in which the networks are more than 0.5 apart.
    /// - `off_center`: the distance of the subject's middle from the picture's, in half diagonals.
    ///
    /// Areas are the natural logarithm of 1 plus the area in units of 0.5 % of the subject. Areas and windows leave out
    /// the ring of 1 % of the diagonal around the outline.
    pub const NAMES: [&'static str; 6] =
        ["networks_differ", "detail_overruled", "detail_doubt", "both_doubt", "apart_outside", "off_center"];

    /// The features of the cut by a prediction for `picture`; `None` with one network, or without a subject.
    ///
    /// # Errors
    /// [`Error::Resample`].
    pub fn of(picture: &RgbImage, prediction: &Prediction) -> Result<Option<Self>, Error> {
        Ok(Self::of_survey(&Survey::new(picture, &prediction.mattes, &prediction.matte)?))
    }

    /// The values, in the order of [`Features::NAMES`].
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The probability that the cut is good, from 0 to 1.
    pub fn probability(&self) -> f64 {
        let odds = BIAS + WEIGHTS.iter().zip(self.0).map(|(weight, value)| weight * value).sum::<f64>();
        1.0 / (1.0 + (-odds).exp())
    }

    fn of_survey(survey: &Survey) -> Option<Self> {
        let (detail, whole) = (survey.detail.as_slice(), survey.whole.as_deref()?);
        let subject = survey.subject();
        if !subject.contains(&true) {
            return None;
        }
        let far = far(survey, &subject);
        // How far a network is from the cut at a pixel outside of the ring.
        let off = |matte: &[f32], at: usize| match (far[at], subject[at]) {
            (false, _) => 0.0,
            (true, true) => 1.0 - matte[at],
            (true, false) => matte[at],
        };
        let unit = MIN_SHARE * survey.area() as f64;
        let area = |is_in: &dyn Fn(usize) -> bool| {
            let pixels = (0..far.len()).filter(|at| is_in(*at)).count();
            (pixels as f64 / unit).ln_1p()
        };
        let detail_off: Vec<f32> = (0..far.len()).map(|at| off(detail, at)).collect();
        let window = (survey.ring() as usize / 2).max(1);
        let doubt = box_mean(&detail_off, survey.width, window).into_iter().fold(0.0, f32::max);
        Some(Self([
            difference(detail, whole),
            difference(detail, &survey.cut),
            f64::from(doubt),
            area(&|at| detail_off[at].min(off(whole, at)) > DOUBT),
            area(&|at| far[at] && !subject[at] && (detail[at] - whole[at]).abs() > APART),
            off_center(survey, &subject),
        ]))
    }
}

/// The confidence in the cut of a survey: [`Features::probability`]. For one network alone it is the [`sureness`] of its
/// answer, rescaled. Without a subject it is 0.
pub(crate) fn estimate(survey: &Survey) -> f64 {
    match Features::of_survey(survey) {
        Some(features) => features.probability(),
        None if survey.whole.is_some() => 0.0,
        None => f64::from(rescaled(sureness(&survey.cut))),
    }
}

/// Measured with both networks on 88 photographs with known outlines, the threshold of 0.5 flagged 7 of 9 cuts with an
/// intersection over union below 0.7, and 2 of 79 others. It is no probability: nothing is known about other networks.
fn rescaled(sureness: f32) -> f32 {
    if sureness < DOUBTFUL { 0.5 * sureness / DOUBTFUL } else { 0.5 + 0.5 * (sureness - DOUBTFUL) / (1.0 - DOUBTFUL) }
}

/// Which pixels are farther than the ring from the outline.
fn far(survey: &Survey, subject: &[bool]) -> Vec<bool> {
    let is_edge = |at: usize| survey.around(at).any(|next| subject[next] != subject[at]);
    let distance = distance_to(survey.width, (0..subject.len()).map(is_edge));
    let ring = UNITS * survey.ring();
    distance.into_iter().map(|distance| distance > ring).collect()
}

/// How much the subjects of two mattes differ; see [`Features::NAMES`].
fn difference(one: &[f32], other: &[f32]) -> f64 {
    // One pixel more in both, so that two empty mattes are equal.
    let (mut both, mut either) = (1.0, 1.0);
    for (one, other) in one.iter().zip(other) {
        let (one, other) = (*one > SUBJECT, *other > SUBJECT);
        both += f64::from(u8::from(one && other));
        either += f64::from(u8::from(one || other));
    }
    (1.0 - both / either + EQUAL).ln()
}

fn off_center(survey: &Survey, subject: &[bool]) -> f64 {
    let (mut x_sum, mut y_sum, mut count) = (0.0, 0.0, 0.0);
    for at in (0..subject.len()).filter(|at| subject[*at]) {
        let (x, y) = survey.place(at);
        x_sum += x as f64 + 0.5;
        y_sum += y as f64 + 0.5;
        count += 1.0;
    }
    let (half_width, half_height) = (survey.width as f64 / 2.0, survey.height as f64 / 2.0);
    (x_sum / count - half_width).hypot(y_sum / count - half_height) / half_width.hypot(half_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 100;

    fn matte(value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..SIDE * SIDE).map(|at| value(at % SIDE, at / SIDE)).collect()
    }

    /// 1 within a square of 40 pixels in the middle, else 0.
    fn square(x: usize, y: usize) -> f32 {
        if (30..70).contains(&x) && (30..70).contains(&y) { 1.0 } else { 0.0 }
    }

    /// The square with this value in a box of 10 by 20 pixels, far from it.
    fn with_box(value: f32) -> Vec<f32> {
        matte(|x, y| if (80..90).contains(&x) && (40..60).contains(&y) { value } else { square(x, y) })
    }

    fn survey(detail: Vec<f32>, whole: Option<Vec<f32>>, cut: Vec<f32>) -> Survey {
        Survey { width: SIDE, height: SIDE, colors: vec![90; 3 * SIDE * SIDE], detail, whole, cut }
    }

    fn features(survey: &Survey) -> [f64; 6] {
        Features::of_survey(survey).expect("two networks and a subject").0
    }

    /// An area of the box as a feature: 200 pixels of 1,600.
    fn area_of_box() -> f64 {
        (200.0_f64 / 1600.0 / 0.005).ln_1p()
    }

    #[test]
    fn a_plain_cut_in_the_middle_is_beyond_doubt() {
        let plain = survey(matte(square), Some(matte(square)), matte(square));
        let expected = [0.01_f64.ln(), 0.01_f64.ln(), 0.0, 0.0, 0.0, 0.0];
        for (name, (value, expected)) in Features::NAMES.iter().zip(features(&plain).into_iter().zip(expected)) {
            assert!((value - expected).abs() < 1e-6, "{name}: {value}");
        }
        assert!(estimate(&plain) > 0.9, "{}", estimate(&plain));
    }

    #[test]
    fn a_region_that_one_network_adds_is_apart_outside() {
        let other = survey(matte(square), Some(with_box(0.9)), matte(square));
        let [networks, detail, doubt, both, apart, _] = features(&other);
        assert!((networks - (1.0 - 1601.0 / 1801.0 + 0.01_f64).ln()).abs() < 1e-6, "{networks}");
        assert!((detail - 0.01_f64.ln()).abs() < 1e-6 && doubt == 0.0 && both == 0.0);
        assert!((apart - area_of_box()).abs() < 1e-6, "{apart}");
    }

    #[test]
    fn a_region_that_both_networks_half_see_is_doubt_of_both() {
        let faint = survey(with_box(0.4), Some(with_box(0.3)), matte(square));
        let [_, _, doubt, both, apart, _] = features(&faint);
        assert!((doubt - 0.4).abs() < 1e-6 && apart == 0.0, "{doubt}, {apart}");
        assert!((both - area_of_box()).abs() < 1e-6, "{both}");
    }

    #[test]
    fn errors_at_the_outline_are_no_doubt() {
        let wider = matte(|x, y| if (30..71).contains(&x) && (30..70).contains(&y) { 1.0 } else { 0.0 });
        let [_, _, doubt, both, apart, _] = features(&survey(wider.clone(), Some(wider), matte(square)));
        assert_eq!((doubt, both, apart), (0.0, 0.0, 0.0));
    }

    #[test]
    fn confidence_falls_as_the_networks_doubt_more() {
        let plain = survey(matte(square), Some(matte(square)), matte(square));
        let faint = survey(with_box(0.4), Some(with_box(0.4)), matte(square));
        let torn = survey(with_box(0.6), Some(matte(|x, y| if square(x, y) > 0.5 { 0.0 } else { 0.8 })), with_box(0.6));
        let [plain, faint, torn] = [plain, faint, torn].map(|survey| estimate(&survey));
        assert!(plain > faint && faint > torn && torn < 0.5, "{plain}, {faint}, {torn}");
    }

    #[test]
    fn without_a_subject_there_is_no_confidence() {
        let empty = matte(|_, _| 0.0);
        assert_eq!(estimate(&survey(matte(square), Some(matte(square)), empty.clone())), 0.0);
        assert_eq!(estimate(&survey(empty.clone(), None, empty)), 0.0);
    }

    #[test]
    fn the_confidence_in_one_network_falls_with_its_unsure_area() {
        // The first 30 of 100 pixels are sure, and the next ones gray.
        let of = |gray: usize| {
            let value = |at: usize| if at < 30 { 1.0 } else { f32::from(u8::from(at < 30 + gray)) * 0.4 };
            let cut: Vec<f32> = (0..100).map(value).collect();
            estimate(&Survey { width: 10, height: 10, colors: vec![0; 300], detail: cut.clone(), whole: None, cut })
        };
        assert_eq!(of(0), 1.0);
        assert!(of(5) < of(0) && of(20) < of(5));
        assert!((of(15) - 0.5).abs() < 0.02, "{}", of(15));
    }
}
