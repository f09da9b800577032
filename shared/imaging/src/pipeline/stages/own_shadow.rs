//! The shadow that the photograph itself shows.

use cutline_core::Variation;
use image::GrayImage;

use crate::matte::Matte;
use crate::photo::Photo;
use crate::pipeline::plan::Plan;
use crate::pipeline::results::Results;
use crate::shadow::{NoStudioSweep, StudioShadow};

/// The shadow and the backdrop of a studio, or why the photograph shows none.
pub(crate) type StudioResult = Result<StudioShadow, NoStudioSweep>;

/// Separates the shadow from the backdrop, if the plan needs either. `None` if it does not, or if the photograph's background
/// is transparent.
pub(crate) fn studio(plan: &Plan<'_>, photo: &Photo, matte: &Matte) -> Option<StudioResult> {
    let is_needed = plan.keeps_shadow() || plan.framed.as_ref().is_some_and(|framed| framed.whitens);
    (is_needed && photo.alpha().is_none()).then(|| StudioShadow::of(photo.color(), matte.as_gray()))
}

/// The photograph's own shadow, if the plan keeps it and it can be separated from the background; otherwise a warning.
pub(crate) fn own_shadow(
    plan: &Plan<'_>,
    studio: Option<&StudioResult>,
    matte: &Matte,
    results: &mut Results,
) -> Option<GrayImage> {
    if !plan.keeps_shadow() {
        return None;
    }
    let reason = match studio {
        Some(Ok(shadow)) => return Some(shadow.coverage(matte.as_gray())),
        Some(Err(reason)) => reason.to_string(),
        None => "The photograph's own shadow cannot be kept: its background is transparent.".to_owned(),
    };
    results.warn(Variation::Compose, [reason]);
    None
}
