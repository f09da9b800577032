//! The matte as the caller steers it.

use std::borrow::Cow;

use cutline_core::domain::subject::{HintKind, SubjectSettings};
use image::RgbImage;

use crate::error::Error;
use crate::guide::{Evidence, Frame, Guided, guide};
use crate::matte::CoarseMatte;
use crate::matting::Prediction;
use crate::regions::RegionTree;

/// The steered matte, and what it was made from.
pub(crate) struct Steered {
    pub(crate) matte: CoarseMatte,
    /// Settings that could not be followed.
    pub(crate) warnings: Vec<String>,
    /// New evidence, if it was made: for hints, or to be kept.
    pub(crate) evidence: Option<Evidence>,
}

/// A photograph as the networks see it.
#[derive(Clone, Copy)]
pub(crate) struct SeenPicture<'a> {
    pub(crate) frame: &'a Frame,
    /// The frame's part of the photograph.
    pub(crate) picture: &'a RgbImage,
    /// Its regions, if they are known.
    pub(crate) tree: Option<&'a RegionTree>,
}

/// Changes the networks' answer by the settings. Unknown regions are made if hints need them, or if they are to be kept.
///
/// # Errors
/// [`Error::NoSubject`] if the networks found none and no hint adds one; those of [`guide`].
pub(crate) fn steer(
    settings: &SubjectSettings,
    seen: SeenPicture<'_>,
    prediction: Prediction,
    keeps_evidence: bool,
) -> Result<Steered, Error> {
    let SeenPicture { frame, picture, tree } = seen;
    let Prediction { matte, mattes, .. } = prediction;
    if !matte.has_subject() && !adds_something(settings) {
        return Err(Error::NoSubject);
    }
    let is_new = tree.is_none() && (settings.hints.is_some() || keeps_evidence);
    let evidence = is_new.then(|| Evidence::new(frame, picture, mattes)).transpose()?;
    let tree = tree.or(evidence.as_ref().map(Evidence::tree));
    let Guided { matte, warnings } = guide(settings, frame, picture, matte, tree)?;
    Ok(Steered { matte, warnings, evidence })
}

/// Whether a hint may add a subject that the networks missed.
fn adds_something(settings: &SubjectSettings) -> bool {
    settings.hints.as_ref().is_some_and(|hints| hints.as_slice().iter().any(|hint| hint.kind == HintKind::Keep))
}

/// The frame's part of the picture that the networks see.
pub(crate) fn seen<'a>(frame: &Frame, picture: Cow<'a, RgbImage>) -> Cow<'a, RgbImage> {
    if frame.is_part() { Cow::Owned(frame.crop(&picture)) } else { picture }
}
