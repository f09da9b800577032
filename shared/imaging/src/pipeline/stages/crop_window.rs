//! The part of the photograph that cropped pictures show.

use cutline_core::domain::subject::PixelBox;
use image::GrayImage;

use crate::compose::SubjectBox;
use crate::error::Error;
use crate::pipeline::plan::Plan;
use crate::pipeline::results::Results;

const NOT_CROPPED: &str =
    "No picture was cropped: the parameter set places the subject on all of them, or frames it by its own margin.";

/// The part of the photograph that cropped pictures show: the subject's box as composed pictures use it, also that of the
/// cut along the path if there is one, and the plan's margin. `None` if pictures show the whole photograph. Notes the box in
/// the results, or a warning if the plan has no picture to crop.
///
/// # Errors
/// [`Error::NoSubject`] if everything is transparent.
pub(crate) fn crop_window(
    plan: &Plan<'_>,
    alpha: &GrayImage,
    hard_alpha: Option<&GrayImage>,
    results: &mut Results,
) -> Result<Option<PixelBox>, Error> {
    let Some(margin) = plan.crop else { return Ok(None) };
    if !plan.has_pictures_to_crop() {
        results.warn(plan.final_picture, [NOT_CROPPED.to_owned()]);
        return Ok(None);
    }
    let subject = subject_box(alpha, hard_alpha).ok_or(Error::NoSubject)?;
    let window = margin.around(subject, alpha.dimensions());
    results.crop_box = Some(window);
    Ok(Some(window).filter(|window| (window.width, window.height) != alpha.dimensions()))
}

/// The box that holds the subject with soft edges and with hard ones: the path may run a pixel outside of the matte.
/// `None` if the soft one is fully transparent.
fn subject_box(alpha: &GrayImage, hard_alpha: Option<&GrayImage>) -> Option<PixelBox> {
    let pixel_box = |alpha: &GrayImage| {
        let SubjectBox { x, y, width, height, .. } = SubjectBox::of(alpha)?;
        Some(PixelBox { left: x, top: y, width, height })
    };
    let soft = pixel_box(alpha)?;
    Some(hard_alpha.and_then(pixel_box).map_or(soft, |hard| union(soft, hard)))
}

/// The smallest box that holds both.
fn union(one: PixelBox, other: PixelBox) -> PixelBox {
    let (left, top) = (one.left.min(other.left), one.top.min(other.top));
    let right = (one.left + one.width).max(other.left + other.width);
    let bottom = (one.top + one.height).max(other.top + other.height);
    PixelBox { left, top, width: right - left, height: bottom - top }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn the_box_holds_what_the_path_covers_outside_of_the_matte() {
        let alpha = |columns: std::ops::Range<u32>, rows: std::ops::Range<u32>| {
            GrayImage::from_fn(60, 50, |x, y| Luma([if columns.contains(&x) && rows.contains(&y) { 255 } else { 0 }]))
        };
        let corners = |soft: &GrayImage, hard: Option<&GrayImage>| subject_box(soft, hard).map(<[u32; 4]>::from);
        let soft = alpha(20..40, 10..30);
        assert_eq!(corners(&soft, None), Some([20, 10, 40, 30]));
        assert_eq!(corners(&soft, Some(&alpha(19..40, 11..31))), Some([19, 10, 40, 31]));
        assert_eq!(corners(&soft, Some(&alpha(21..41, 9..29))), Some([20, 9, 41, 30]));
        assert_eq!(corners(&soft, Some(&GrayImage::new(60, 50))), Some([20, 10, 40, 30]));
        assert_eq!(corners(&GrayImage::new(60, 50), None), None);
    }
}
