//! The matte that the caller brings: within the source, or as a file.

use cutline_core::domain::subject::MaskSource;
use image::{GrayImage, Luma};

use crate::decode::Decoding;
use crate::error::Error;
use crate::mask_file;
use crate::matte::Matte;
use crate::own_alpha;
use crate::own_path::{self, OwnPath};
use crate::photo::Photo;
use crate::pipeline::plan::Plan;
use crate::resample;

const KEPT: &str = "The source is a cut-out already: all that is opaque in it was kept, as with mask_source=alpha.";
const UNUSED_ALPHA: &str = "The source has transparency, and the networks chose the subject within what is visible. Send \
                            mask_source=alpha to keep all that is opaque in it.";

/// The photograph of a run.
pub(crate) struct SizedPhoto<'a> {
    pub(crate) photo: &'a mut Photo,
    /// Its upright width and height in pixels before it was reduced for a preview, if it was.
    pub(crate) full_size: (u32, u32),
}

/// The matte that the plan's `mask_source` names; `None` if the networks look for the subject. By itself, a source is taken
/// for its own matte if its alpha shows that it was cut out before, and nothing steers the cut. Warnings go to the
/// photograph.
///
/// Alpha is applied when the subject is cut out, so the matte of a source with alpha is the whole picture.
///
/// # Errors
/// [`Error::NoAlpha`], [`Error::NoPath`] and [`Error::NoMask`] if what is named is not there; [`Error::EmptyMask`] and
/// [`Error::NoSubject`] if nothing would be visible; those of [`OwnPath::matte`]; [`Error::Mask`] with those of
/// [`mask_file::read`].
pub(crate) fn brought_matte(
    plan: &Plan<'_>,
    sized: SizedPhoto<'_>,
    decoding: &Decoding,
) -> Result<Option<Matte>, Error> {
    match plan.subject.mask_source.unwrap_or_default() {
        MaskSource::Auto => unasked(plan, sized.photo),
        MaskSource::Alpha => of_alpha(sized.photo).map(Some),
        MaskSource::Path => of_path(plan, sized.photo).map(Some),
        MaskSource::File => of_file(plan, sized, decoding).map(Some),
    }
}

/// The whole picture of a source that was cut out before. Warns about everything else that could be its mask.
fn unasked(plan: &Plan<'_>, photo: &mut Photo) -> Result<Option<Matte>, Error> {
    let is_cut_out = !plan.subject.is_steered() && photo.alpha().is_some_and(own_alpha::is_cut_out);
    let matte = match is_cut_out {
        true if is_transparent(photo) => return Err(Error::NoSubject),
        true => Some(whole(photo)),
        false => None,
    };
    if photo.alpha().is_some() {
        photo.warn(if is_cut_out { KEPT } else { UNUSED_ALPHA });
    }
    if let Some(path) = own_path::find(plan.source).filter(|path| path.has_knots() && !is_ours(plan, path)) {
        photo.warn(&format!(
            "The source has the path \"{}\", which was not used. Send mask_source=path to cut along it.",
            path.name()
        ));
    }
    Ok(matte)
}

/// Whether a path is the one that an earlier run inserted into the file, and that this run replaces.
fn is_ours(plan: &Plan<'_>, path: &OwnPath) -> bool {
    plan.original.as_ref().is_some_and(|original| original.rendering.path.name.as_str() == path.name())
}

fn of_alpha(photo: &Photo) -> Result<Matte, Error> {
    match photo.alpha() {
        None => Err(Error::NoAlpha),
        Some(_) if is_transparent(photo) => Err(Error::EmptyMask { mask: "the image's transparency".to_owned() }),
        Some(_) => Ok(whole(photo)),
    }
}

fn of_path(plan: &Plan<'_>, photo: &mut Photo) -> Result<Matte, Error> {
    let path = own_path::find(plan.source).ok_or(Error::NoPath)?;
    let matte = path.matte(photo.dimensions())?;
    if !leaves_something(photo, &matte) {
        return Err(Error::EmptyMask { mask: format!("the path \"{}\"", path.name()) });
    }
    if let Some(warning) = path.warning() {
        photo.warn(&warning);
    }
    Ok(Matte::new(matte))
}

fn of_file(plan: &Plan<'_>, sized: SizedPhoto<'_>, decoding: &Decoding) -> Result<Matte, Error> {
    let SizedPhoto { photo, full_size } = sized;
    let file = plan.mask.ok_or(Error::NoMask)?;
    let mask = mask_file::read(file, full_size, decoding).map_err(|error| match error {
        Error::MaskMismatch { .. } => error,
        error => Error::Mask(Box::new(error)),
    })?;
    let matte = match photo.dimensions() {
        size if size == full_size => mask.matte,
        reduced => {
            let whole = (0.0, 0.0, f64::from(full_size.0), f64::from(full_size.1));
            resample::part_of(&mask.matte, whole, reduced)?
        }
    };
    if !leaves_something(photo, &matte) {
        return Err(Error::EmptyMask { mask: "the mask".to_owned() });
    }
    for warning in &mask.warnings {
        photo.warn(&format!("Of the mask: {warning}"));
    }
    Ok(Matte::new(matte))
}

/// Whether a pixel that the matte keeps is visible in the photograph. Both have the same size.
fn leaves_something(photo: &Photo, matte: &GrayImage) -> bool {
    let own_alpha = photo.alpha().map(|alpha| alpha.as_raw().as_slice());
    let visible = |(at, value): (usize, &u8)| *value > 0 && own_alpha.is_none_or(|alpha| alpha[at] > 0);
    matte.iter().enumerate().any(visible)
}

fn whole(photo: &Photo) -> Matte {
    let (width, height) = photo.dimensions();
    Matte::new(GrayImage::from_pixel(width, height, Luma([u8::MAX])))
}

/// Whether nothing of the photograph is visible.
fn is_transparent(photo: &Photo) -> bool {
    photo.alpha().is_some_and(|alpha| alpha.iter().all(|alpha| *alpha == 0))
}
