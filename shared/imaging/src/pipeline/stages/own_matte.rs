//! The matte of a source that was cut out before.

use image::{GrayImage, Luma};

use crate::error::Error;
use crate::matte::Matte;
use crate::own_alpha;
use crate::photo::Photo;

const KEPT: &str = "The source is a cut-out already: all that is opaque in it was kept.";

/// The whole picture as subject, if the source's own alpha shows that it was cut out before; the alpha itself is applied
/// when the subject is cut out. Adds a warning to the photograph.
///
/// # Errors
/// [`Error::NoSubject`] if nothing of the cut-out is visible.
pub(crate) fn own_matte(photo: &mut Photo) -> Result<Option<Matte>, Error> {
    let Some(alpha) = photo.alpha().filter(|alpha| own_alpha::is_cut_out(alpha)) else { return Ok(None) };
    if alpha.iter().all(|alpha| *alpha == 0) {
        return Err(Error::NoSubject);
    }
    let matte = GrayImage::from_pixel(alpha.width(), alpha.height(), Luma([u8::MAX]));
    photo.warn(KEPT);
    Ok(Some(Matte::new(matte)))
}
