//! The matte as the caller steers it.

use std::borrow::Cow;

use cutline_core::domain::subject::{HintKind, SubjectSettings};
use image::RgbImage;

use crate::error::Error;
use crate::guide::{Evidence, Frame, Guided, guide};
use crate::matte::CoarseMatte;
use crate::matting::NetworkMattes;
use crate::regions::RegionTree;

/// A photograph as the networks see it.
#[derive(Clone, Copy)]
pub(crate) struct SeenPicture<'a> {
    pub(crate) frame: &'a Frame,
    /// The frame's part of the photograph.
    pub(crate) picture: &'a RgbImage,
    /// Its regions, if they are known.
    pub(crate) tree: Option<&'a RegionTree>,
}

/// New evidence from the networks' answers. `None` if the regions are known, or neither hints need them nor are they to be
/// kept.
///
/// # Errors
/// Those of [`Evidence::new`].
pub(crate) fn new_evidence(
    settings: &SubjectSettings,
    seen: SeenPicture<'_>,
    mattes: &NetworkMattes,
    is_kept: bool,
) -> Result<Option<Evidence>, Error> {
    let is_needed = seen.tree.is_none() && (settings.hints.is_some() || is_kept);
    is_needed.then(|| Evidence::new(seen.frame, seen.picture, mattes.clone())).transpose()
}

/// Changes the networks' joint answer by the settings. Without regions, hints have no effect.
///
/// # Errors
/// [`Error::NoSubject`] if the networks found none and no hint adds one; those of [`guide`].
pub(crate) fn steer(settings: &SubjectSettings, seen: SeenPicture<'_>, matte: CoarseMatte) -> Result<Guided, Error> {
    if !matte.has_subject() && !adds_something(settings) {
        return Err(Error::NoSubject);
    }
    guide(settings, seen.frame, seen.picture, matte, seen.tree)
}

/// Whether a hint may add a subject that the networks missed.
fn adds_something(settings: &SubjectSettings) -> bool {
    settings.hints.as_ref().is_some_and(|hints| hints.as_slice().iter().any(|hint| hint.kind == HintKind::Keep))
}

/// The frame's part of the picture that the networks see.
pub(crate) fn seen<'a>(frame: &Frame, picture: Cow<'a, RgbImage>) -> Cow<'a, RgbImage> {
    if frame.is_part() { Cow::Owned(frame.crop(&picture)) } else { picture }
}
