//! How good a cut is, by the evidence that it was made from: the probability that it is good, where a person should look at
//! it, and why.
//!
//! All of it is measured on a [`Survey`], a small grid with the networks' mattes and the cut's. Nothing here changes the cut.

mod confidence;
mod findings;
mod outline;
mod survey;

use cutline_core::domain::attention::{Attention, MAX_ATTENTION};
use cutline_core::domain::subject::{Keep, KeepChoice, SubjectSettings};
use image::RgbImage;

use crate::error::Error;
use crate::guide::Frame;
use crate::matte::CoarseMatte;
use crate::matting::NetworkMattes;
use crate::resample;
pub use confidence::Features;
use findings::Finding;
use outline::Outline;
use survey::Survey;

/// A cut, and everything that it was made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AssessedCut<'a> {
    /// The part of the photograph that the networks saw.
    pub(crate) frame: &'a Frame,
    /// That part.
    pub(crate) picture: &'a RgbImage,
    /// What each network answered.
    pub(crate) mattes: &'a NetworkMattes,
    /// The coarse matte before anybody steered it: the networks' joint answer, and what a clean plate shows.
    pub(crate) unsteered: &'a CoarseMatte,
    /// How the caller steered it.
    pub(crate) settings: &'a SubjectSettings,
    /// The coarse matte of the cut.
    pub(crate) matte: &'a CoarseMatte,
}

/// The measures of a cut.
#[derive(Debug)]
pub(crate) struct Assessment {
    /// The probability that the unsteered answer is good, from 0 to 1. How the caller steered it does not count.
    pub(crate) confidence: f32,
    /// Where a person should look, worst first: at most [`MAX_ATTENTION`] places. What the caller decided, by `roi`, by
    /// points to keep or by a hint, is not mentioned.
    pub(crate) attention: Vec<Attention>,
}

impl AssessedCut<'_> {
    /// Measures the cut.
    ///
    /// # Errors
    /// [`Error::Resample`].
    pub(crate) fn assess(&self) -> Result<Assessment, Error> {
        let mut mattes = self.mattes.clone();
        self.frame.clear_outside(&mut mattes.detail);
        mattes.whole.iter_mut().for_each(|whole| self.frame.clear_outside(whole));
        let mut survey = Survey::new(self.picture, &mattes, self.matte)?;
        let joint = self.joint(&survey)?;
        let attention = self.attention(&survey, &joint);
        survey.cut = joint;
        Ok(Assessment { confidence: confidence::estimate(&survey) as f32, attention })
    }

    fn attention(&self, survey: &Survey, joint: &[f32]) -> Vec<Attention> {
        // Whoever names points knows what is dropped.
        let before_keep = (self.settings.keep == Some(Keep::Choice(KeepChoice::Main))).then_some(joint);
        let frame = if self.frame.is_part() { "roi" } else { "frame" };
        let mut findings = findings::regions(survey, before_keep, &self.settled(survey));
        findings.extend(findings::low_contrast(survey, &Outline::of(survey)));
        findings.extend(findings::contacts(survey, frame));
        findings.sort_by(|one, other| other.severity.total_cmp(&one.severity));
        findings.truncate(MAX_ATTENTION);
        let grid = (survey.width, survey.height);
        findings.into_iter().map(|finding| self.in_photograph(finding, grid)).collect()
    }

    /// The answer within the frame, before anybody steered it.
    fn joint(&self, survey: &Survey) -> Result<Vec<f32>, Error> {
        if !self.settings.is_steered() {
            return Ok(survey.cut.clone());
        }
        let mut joint = self.unsteered.clone();
        self.frame.clear_outside(&mut joint);
        resample::resize_matte(&joint, survey.width as u32, survey.height as u32)
    }

    /// The pixels that hints and the points of `keep` are about.
    fn settled(&self, survey: &Survey) -> Vec<bool> {
        let mut settled = vec![false; survey.width * survey.height];
        let hints = self.settings.hints.iter().flat_map(|hints| hints.as_slice());
        let kept = match &self.settings.keep {
            Some(Keep::Points(points)) => points.as_slice(),
            Some(Keep::Choice(_)) | None => &[],
        };
        for point in hints.flat_map(|hint| &hint.points).chain(kept) {
            let Some((x, y)) = self.frame.share(point.px(self.frame.photo_size())) else { continue };
            let along = |share: f64, length: usize| ((share * length as f64) as usize).min(length - 1);
            settled[along(y, survey.height) * survey.width + along(x, survey.width)] = true;
        }
        settled
    }

    fn in_photograph(&self, finding: Finding, grid: (usize, usize)) -> Attention {
        let Finding { reason, message, columns, rows, .. } = finding;
        let place = self.frame.place_of((columns, rows), grid);
        Attention { reason, message, place }
    }
}
