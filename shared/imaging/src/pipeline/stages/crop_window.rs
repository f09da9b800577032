//! The part of the photograph that cropped pictures show.

use cutline_core::domain::subject::PixelBox;
use image::GrayImage;

use crate::compose::SubjectBox;
use crate::error::Error;
use crate::pipeline::plan::Plan;
use crate::pipeline::results::Results;

const NOT_CROPPED: &str =
    "No picture was cropped: the parameter set places the subject, by its canvas, margin or fill, on all of them.";

/// The part of the photograph that cropped pictures show: the subject's box as composed pictures use it, and the plan's
/// margin. `None` if pictures show the whole photograph. Notes the box in the results, or a warning if the plan has no
/// picture to crop.
///
/// # Errors
/// [`Error::NoSubject`] if everything is transparent.
pub(crate) fn crop_window(
    plan: &Plan<'_>,
    alpha: &GrayImage,
    results: &mut Results,
) -> Result<Option<PixelBox>, Error> {
    let Some(margin) = plan.crop else { return Ok(None) };
    if !plan.has_pictures_to_crop() {
        results.warn(plan.final_picture, [NOT_CROPPED.to_owned()]);
        return Ok(None);
    }
    let SubjectBox { x, y, width, height, .. } = SubjectBox::of(alpha).ok_or(Error::NoSubject)?;
    let window = margin.around(PixelBox { left: x, top: y, width, height }, alpha.dimensions());
    results.crop_box = Some(window);
    Ok(Some(window).filter(|window| (window.width, window.height) != alpha.dimensions()))
}
