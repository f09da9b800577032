//! Decoding the source.

use bytes::Bytes;

use crate::decode::{self, Limits};
use crate::encode;
use crate::error::Error;
use crate::insert;
use crate::photo::Photo;
use crate::pipeline::plan::Plan;

/// Decodes the source, and checks that the formats of the plan can hold pictures of its size, and that the source can take
/// a path if it gets one. The size of cropped pictures is not known yet; it is checked when they are written.
///
/// # Errors
/// Those of [`decode::decode`], or of [`decode::decode_faithful`]; [`Error::TooLargeForFormat`]; those of [`insert::check`].
pub(crate) fn decode(plan: &Plan<'_>, source: &Bytes, limits: &Limits) -> Result<Photo, Error> {
    if let Some(original) = &plan.original {
        insert::check(source, &original.rendering.path, decode::stored_raster(source)?.page)?;
    }
    let photo = match plan.fidelity.filter(|fidelity| !fidelity.is_default() && plan.original.is_none()) {
        Some(fidelity) => decode::decode_faithful(source, limits, fidelity)?,
        None => decode::decode(source, limits)?,
    };
    for picture in plan.photo_size_pictures().filter(|_| plan.crop.is_none()) {
        encode::check_size(picture.format, photo.dimensions())?;
    }
    Ok(photo)
}
