//! Segmenters that run on Cutline's own engine.

use cutline_engine::{Engine, Shape};
use image::RgbImage;

use super::{CoarseMatte, Segmenter, input_tensor};
use crate::error::{Cause, Error};
use crate::models::InputSpec;

/// A network that is ready to run. Several threads may run it at once; each run needs its own memory.
#[derive(Debug)]
pub struct EngineSegmenter {
    name: String,
    input: InputSpec,
    engine: Engine,
}

impl EngineSegmenter {
    /// Takes a network with this input, whose output is one plane of the same side.
    ///
    /// # Errors
    /// If its input or output has another shape.
    pub fn new(name: impl Into<String>, input: InputSpec, engine: Engine) -> Result<Self, Cause> {
        let sides = |shape: Shape| (shape.channels, shape.height, shape.width);
        let (takes, gives) = (sides(engine.network().input()), sides(engine.network().output()));
        let side = input.side as usize;
        if takes != (3, side, side) || gives != (1, side, side) {
            return Err(format!(
                "side: {side} does not match the network, whose input is {takes:?} and output {gives:?} (channels, height, width)"
            )
            .into());
        }
        Ok(Self { name: name.into(), input, engine })
    }

    fn run(&self, tensor: &[f32]) -> Result<CoarseMatte, Cause> {
        CoarseMatte::new(self.input.side, self.engine.run(tensor)?).ok_or_else(|| "the output is incomplete".into())
    }
}

impl Segmenter for EngineSegmenter {
    fn segment(&self, picture: &RgbImage) -> Result<CoarseMatte, Error> {
        let tensor = input_tensor(picture, &self.input)?;
        self.run(&tensor).map_err(|source| Error::Inference { model: self.name.clone(), source })
    }
}
