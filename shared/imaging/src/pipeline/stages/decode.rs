//! Decoding the source.

use bytes::Bytes;

use crate::decode::{self, Decoding, Kept};
use crate::encode;
use crate::error::Error;
use crate::insert;
use crate::photo::Photo;
use crate::pipeline::plan::Plan;

/// Decodes the source, with all of its metadata if they are kept. Checks that the formats of the plan can hold pictures of
/// its size, and that the source can take a path if it gets one. The size of cropped pictures is not known yet; it is checked
/// when they are written.
///
/// # Errors
/// Those of [`Decoding::decode`], or of [`Decoding::decode_faithful`]; [`Error::TooLargeForFormat`]; those of
/// [`insert::check`]; [`Error::InksNotHeld`] if the photograph is CMYK and a picture does not hold the inks that are to be
/// kept; [`Error::WhitenedNative`] if a picture is to be whitened whose colors are not 8-bit sRGB.
pub(crate) fn decode(plan: &Plan<'_>, source: &Bytes, decoding: &Decoding) -> Result<Photo, Error> {
    if let Some(original) = &plan.original {
        insert::check(source, &original.rendering.path, decode::stored_raster(source)?.page)?;
    }
    let mut photo = match plan.fidelity.filter(|fidelity| !fidelity.is_default() && plan.original.is_none()) {
        Some(fidelity) => decoding.decode_faithful(source, fidelity)?,
        None => decoding.decode(source)?,
    };
    let has_inks = photo.native().is_some_and(|native| native.black.is_some());
    if let Some(refusal) = plan.inks_not_held.filter(|_| has_inks) {
        return Err(Error::InksNotHeld(refusal));
    }
    if photo.native().is_some() && plan.framed.as_ref().is_some_and(|framed| framed.whitens) {
        return Err(Error::WhitenedNative);
    }
    if plan.keeps_all_metadata {
        let Kept { metadata, warnings } = decode::source_metadata(source);
        photo.keep_all(metadata, warnings);
    }
    for picture in plan.photo_size_pictures().filter(|_| plan.crop.is_none()) {
        encode::check_size(picture.format, photo.dimensions())?;
    }
    Ok(photo)
}
