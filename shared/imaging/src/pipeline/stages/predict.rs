//! The networks' answer.

use image::RgbImage;

use crate::error::Error;
use crate::matting::{Matting, Prediction};
use crate::pipeline::memory;

/// Runs the networks. After a large picture their memory is freed, since the stages that follow need it.
///
/// If they find no subject, the matte is empty.
///
/// The networks have threads of their own. This must not run on the pipeline's threads: while such a thread waits for
/// the networks, it could start work on another picture, and this picture would have to wait for that.
///
/// # Errors
/// Those of [`Matting::predict_any`].
pub(crate) fn predict(matting: &Matting, picture: &RgbImage) -> Result<Prediction, Error> {
    let prediction = matting.predict_any(picture)?;
    if !memory::keeps_networks(u64::from(picture.width()) * u64::from(picture.height())) {
        matting.release_memory();
    }
    Ok(prediction)
}
