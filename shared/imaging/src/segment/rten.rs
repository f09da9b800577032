//! Segmenters that run on `rten`, an ONNX runtime in plain Rust, for networks that the engine does not support.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use image::RgbImage;
use rten::{Dimension, NodeId, RunOptions, ThreadPool, Value};

use super::{CoarseMatte, Segmenter, input_tensor};
use crate::error::{Cause, Error};
use crate::models::InputSpec;

/// A network that is ready to run. Several threads may run it at once; each run needs its own memory.
pub struct RtenSegmenter {
    name: String,
    spec: InputSpec,
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
    /// Loads an ONNX file with a single input of this shape, and an `output` that is one plane of the same side.
    ///
    /// # Errors
    /// If the file cannot be loaded, has several inputs or an input of another shape, or lacks the output.
    pub fn new(
        name: impl Into<String>,
        spec: InputSpec,
        file: Vec<u8>,
        output: &str,
        threads: NonZeroUsize,
    ) -> Result<Self, Cause> {
        let network = rten::Model::load(file)?;
        let [input] = *network.input_ids() else { return Err("the network has more than one input".into()) };
        let expected = [1, 3, spec.side as usize, spec.side as usize];
        let shape = network.input_shape(0).unwrap_or_default();
        let fits = |(side, expected): (&Dimension, &usize)| {
            matches!(side, Dimension::Symbolic(_)) || *side == Dimension::Fixed(*expected)
        };
        if !shape.is_empty() && (shape.len() != 4 || !shape.iter().zip(&expected).all(fits)) {
            return Err(format!("side: {} does not match the network, whose input is {shape:?}", spec.side).into());
        }
        let output = network.node_id(output).map_err(|error| format!("output: {error}"))?;
        let threads = Arc::new(ThreadPool::with_num_threads(threads.get()));
        Ok(Self { name: name.into(), spec, network, input, output, threads })
    }

    fn run(&self, tensor: Vec<f32>) -> Result<CoarseMatte, Cause> {
        let side = self.spec.side as usize;
        let input = Value::from_shape([1, 3, side, side], tensor)?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let [output] = self.network.run_n(vec![(self.input, input.into())], [self.output], Some(options))?;
        let (shape, values) = output.into_shape_vec::<f32, 4>()?;
        if shape != [1, 1, side, side] {
            return Err(format!("the output has the shape {shape:?}; it must be [1, 1, {side}, {side}]").into());
        }
        CoarseMatte::new(self.spec.side, values).ok_or_else(|| "the output is incomplete".into())
    }
}

impl Segmenter for RtenSegmenter {
    fn segment(&self, picture: &RgbImage) -> Result<CoarseMatte, Error> {
        let tensor = input_tensor(picture, &self.spec)?;
        self.run(tensor).map_err(|source| Error::Inference { model: self.name.clone(), source })
    }
}
