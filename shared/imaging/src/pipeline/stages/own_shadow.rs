//! The shadow that the photograph itself shows.

use cutline_core::Variation;
use image::GrayImage;

use crate::matte::Matte;
use crate::photo::Photo;
use crate::pipeline::plan::Plan;
use crate::pipeline::results::Results;
use crate::shadow;

/// The photograph's own shadow, if the plan keeps it and it can be separated from the background; otherwise a warning.
pub(crate) fn own_shadow(plan: &Plan<'_>, photo: &Photo, matte: &Matte, results: &mut Results) -> Option<GrayImage> {
    if !plan.composed.as_ref().is_some_and(|composed| composed.keeps_shadow) {
        return None;
    }
    let preserved = match photo.alpha() {
        None => shadow::preserved(photo.color(), matte.as_gray()).map_err(|refusal| refusal.to_string()),
        Some(_) => Err("The photograph's own shadow cannot be kept: its background is transparent.".to_owned()),
    };
    match preserved {
        Ok(shadow) => Some(shadow),
        Err(reason) => {
            results.warn(Variation::Compose, [reason]);
            None
        }
    }
}
