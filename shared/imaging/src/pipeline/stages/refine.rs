//! The matte at the photograph's size.

use image::RgbImage;

use crate::error::Error;
use crate::guide::Frame;
use crate::matte::{CoarseMatte, Matte};
use crate::photo::Photo;
use crate::refine;

/// The lowest value of the matte that counts as subject.
const SUBJECT: u8 = 128;

/// Brings the matte of the frame's part to the size of the photograph. `picture` is that part as the networks saw it.
///
/// # Errors
/// [`Error::NoSubject`] if nothing of the subject would be visible; [`Error::Resample`].
pub(crate) fn refine(photo: &Photo, frame: &Frame, picture: &RgbImage, coarse: &CoarseMatte) -> Result<Matte, Error> {
    let matte = frame.place(refine::refine(picture, coarse)?);
    // However faint the photograph's own alpha is, it shows something, unless it is 0.
    let own_alpha = photo.alpha().map(|alpha| alpha.as_raw().as_slice());
    let visible = |(at, value): (usize, &u8)| *value >= SUBJECT && own_alpha.is_none_or(|alpha| alpha[at] > 0);
    match matte.iter().enumerate().any(visible) {
        true => Ok(Matte::new(matte)),
        false => Err(Error::NoSubject),
    }
}
