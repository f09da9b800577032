//! Segmenters that run on `rten`, an ONNX runtime in plain Rust: for networks that the engine does not know.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use image::RgbImage;
use rten::{Dimension, NodeId, RunOptions, ThreadPool, Value};

use super::{Matte, Segmenter, put_before};
use crate::error::{Cause, Error};
use crate::models::Square;

/// A loaded network. May be used by several threads at once; each run needs its own memory.
pub struct RtenSegmenter {
    name: String,
    square: Square,
    network: rten::Model,
    input: NodeId,
    output: NodeId,
    threads: Arc<ThreadPool>,
}

impl fmt::Debug for RtenSegmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtenSegmenter").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RtenSegmenter {
    /// Takes an ONNX file whose only input takes such a square, and one of whose outputs is a plane of the same side.
    ///
    /// # Errors
    /// If it cannot be read, has several inputs, or has no such output.
    pub fn new(
        name: impl Into<String>,
        square: Square,
        file: Vec<u8>,
        output: &str,
        threads: NonZeroUsize,
    ) -> Result<Self, Cause> {
        let network = rten::Model::load(file)?;
        let [input] = *network.input_ids() else { return Err("it does not take one input alone".into()) };
        let wanted = [1, 3, square.side as usize, square.side as usize];
        let takes = network.input_shape(0).unwrap_or_default();
        let fits = |(side, wanted): (&Dimension, &usize)| {
            matches!(side, Dimension::Symbolic(_)) || *side == Dimension::Fixed(*wanted)
        };
        if !takes.is_empty() && (takes.len() != 4 || !takes.iter().zip(&wanted).all(fits)) {
            return Err(format!("side: it is {}, and the network takes {takes:?}", square.side).into());
        }
        let output = network.node_id(output).map_err(|error| format!("output: {error}"))?;
        let threads = Arc::new(ThreadPool::with_num_threads(threads.get()));
        Ok(Self { name: name.into(), square, network, input, output, threads })
    }

    fn run(&self, tensor: Vec<f32>) -> Result<Matte, Cause> {
        let side = self.square.side as usize;
        let input = Value::from_shape([1, 3, side, side], tensor)?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let [output] = self.network.run_n(vec![(self.input, input.into())], [self.output], Some(options))?;
        let (shape, values) = output.into_shape_vec::<f32, 4>()?;
        if shape != [1, 1, side, side] {
            return Err(format!("its output has the shape {shape:?}").into());
        }
        Matte::new(self.square.side, values).ok_or_else(|| "its output is incomplete".into())
    }
}

impl Segmenter for RtenSegmenter {
    fn segment(&self, picture: &RgbImage) -> Result<Matte, Error> {
        let tensor = put_before(picture, &self.square)?;
        self.run(tensor).map_err(|source| Error::Inference { model: self.name.clone(), source })
    }
}
