//! Segmenters that run on Cutline's own engine.

use cutline_engine::{Engine, Network, Threads};
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
    /// Gets a network ready that takes such a square and gives one plane of the same side.
    ///
    /// # Errors
    /// [`Error::Inference`] if it takes or gives something else.
    pub fn new(name: impl Into<String>, square: Square, network: Network, threads: Threads) -> Result<Self, Error> {
        let name = name.into();
        let sides = |shape: cutline_engine::Shape| [shape.channels, shape.height, shape.width];
        let side = square.side as usize;
        if sides(network.input()) != [3, side, side] || sides(network.output()) != [1, side, side] {
            let source = format!("it makes {:?} of {:?}", network.output(), network.input()).into();
            return Err(Error::Inference { model: name, source });
        }
        match Engine::new(network, threads) {
            Ok(engine) => Ok(Self { name, square, engine }),
            Err(error) => Err(Error::Inference { model: name, source: error.into() }),
        }
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
