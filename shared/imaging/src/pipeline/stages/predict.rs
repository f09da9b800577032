//! The networks' answer.

use image::RgbImage;

use crate::error::Error;
use crate::matting::{Matting, Prediction};
use crate::pipeline::memory;

/// Runs the networks. After a large picture their memory is freed, since the stages that follow need it.
///
/// The networks have threads of their own. This must not run on the pipeline's threads: one that waits for the networks
/// could start the work of another picture meanwhile, and this picture would wait for it.
///
/// # Errors
/// Those of [`Matting::predict`].
pub(crate) fn predict(matting: &Matting, picture: &RgbImage) -> Result<Prediction, Error> {
    let prediction = matting.predict(picture)?;
    if !memory::keeps_networks(u64::from(picture.width()) * u64::from(picture.height())) {
        matting.release_memory();
    }
    Ok(prediction)
}
