//! Segmenters that run on Cutline's own engine.

use cutline_engine::{Engine, Shape};
use image::RgbImage;

use super::{Matte, Segmenter, put_before};
use crate::error::{Cause, Error};
use crate::models::Square;

/// A network that is ready to run. May be used by several threads at once; each run needs its own memory.
#[derive(Debug)]
pub struct EngineSegmenter {
    name: String,
    square: Square,
    engine: Engine,
}

impl EngineSegmenter {
    /// Runs a network that takes such a square and gives one plane of the same side.
    ///
    /// # Errors
    /// If it takes or gives something else.
    pub fn new(name: impl Into<String>, square: Square, engine: Engine) -> Result<Self, Cause> {
        let sides = |shape: Shape| (shape.channels, shape.height, shape.width);
        let (takes, gives) = (sides(engine.network().input()), sides(engine.network().output()));
        let side = square.side as usize;
        if takes != (3, side, side) || gives != (1, side, side) {
            return Err(format!(
                "side: it is {side}, and the network makes {gives:?} of {takes:?} (channels, height, width)"
            )
            .into());
        }
        Ok(Self { name: name.into(), square, engine })
    }

    fn run(&self, tensor: &[f32]) -> Result<Matte, Cause> {
        Matte::new(self.square.side, self.engine.run(tensor)?).ok_or_else(|| "its output is incomplete".into())
    }
}

impl Segmenter for EngineSegmenter {
    fn segment(&self, picture: &RgbImage) -> Result<Matte, Error> {
        let tensor = put_before(picture, &self.square)?;
        self.run(&tensor).map_err(|source| Error::Inference { model: self.name.clone(), source })
    }
}
