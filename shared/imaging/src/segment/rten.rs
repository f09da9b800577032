//! Segmenters that run on `rten`, an ONNX runtime in plain Rust.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use rten::{NodeId, RunOptions, ThreadPool, Value};

use super::{Matte, Segmenter};
use crate::error::{Cause, Error};
use crate::models::Model;
use crate::resample;

/// Threads that networks run on. A clone is the same threads.
#[derive(Debug, Clone)]
pub struct Threads(Arc<ThreadPool>);

impl Threads {
    /// Starts `count` threads.
    pub fn new(count: NonZeroUsize) -> Self {
        Self(Arc::new(ThreadPool::with_num_threads(count.get())))
    }
}

/// A loaded [`Model`]. May be used by several threads at once; each run needs its own memory.
pub struct RtenSegmenter {
    model: Model,
    network: rten::Model,
    input: NodeId,
    output: NodeId,
    threads: Threads,
}

impl fmt::Debug for RtenSegmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtenSegmenter").field("model", &self.model).finish_non_exhaustive()
    }
}

impl RtenSegmenter {
    /// Loads `model` from the folder of models. Looks at the file's size, not at its checksum: hashing the
    /// files takes longer than a function may start, and whoever put them there has done it.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is missing, of another size, or not that network.
    pub fn load(model: Model, folder: &Path, threads: Threads) -> Result<Self, Error> {
        let path = folder.join(model.file);
        match Self::open(model, &path, threads) {
            Ok(segmenter) => Ok(segmenter),
            Err(source) => Err(Error::Model { path, source }),
        }
    }

    fn open(model: Model, path: &PathBuf, threads: Threads) -> Result<Self, Cause> {
        let found = std::fs::metadata(path)?.len();
        if found != model.bytes {
            return Err(format!("the file has {found} bytes where {} has {}", model.name, model.bytes).into());
        }
        let network = rten::Model::load_file(path)?;
        let (input, output) = (network.node_id(model.input)?, network.node_id(model.output)?);
        Ok(Self { model, network, input, output, threads })
    }

    fn run(&self, tensor: Vec<f32>) -> Result<Matte, Cause> {
        let side = self.model.side as usize;
        let input = Value::from_shape([1, 3, side, side], tensor)?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads.0)));
        let [output] = self.network.run_n(vec![(self.input, input.into())], [self.output], Some(options))?;
        let (shape, values) = output.into_shape_vec::<f32, 4>()?;
        if shape != [1, 1, side, side] {
            return Err(format!("its output has the shape {shape:?}").into());
        }
        Matte::new(self.model.side, values).ok_or_else(|| "its output is incomplete".into())
    }
}

impl Segmenter for RtenSegmenter {
    fn segment(&self, picture: &RgbImage) -> Result<Matte, Error> {
        let square = resample::squash(picture, self.model.side)?;
        let tensor = normalise(&square, &self.model);
        self.run(tensor).map_err(|source| Error::Inference { model: self.model.name, source })
    }
}

/// From interleaved RGB, 0 to 255, to the planar input that [`Model`] describes. Dividing by the largest
/// value of the picture, and not by 255, is what the networks were trained with.
fn normalise(rgb: &[u8], model: &Model) -> Vec<f32> {
    let largest = f32::from(rgb.iter().copied().max().unwrap_or(0).max(1));
    let mut tensor = Vec::with_capacity(rgb.len());
    for channel in 0..3 {
        let (mean, std) = (model.mean[channel], model.std[channel]);
        let values = rgb.iter().skip(channel).step_by(3);
        tensor.extend(values.map(|&value| (f32::from(value) / largest - mean) / std));
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{ISNET, U2NETP};

    #[test]
    fn the_input_is_planar_and_scaled_by_the_largest_value() {
        let tensor = normalise(&[100, 50, 0, 0, 25, 100], &ISNET);
        assert_eq!(tensor, [0.5, -0.5, 0.0, -0.25, -0.5, 0.5]);
    }

    #[test]
    fn a_black_picture_is_no_division_by_zero() {
        assert!(normalise(&[0; 12], &U2NETP).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_missing_file_and_a_wrong_file_are_told_by_path() {
        let threads = Threads::new(NonZeroUsize::MIN);
        let folder = std::env::temp_dir().join("there-is-no-such-folder");
        let error = RtenSegmenter::load(U2NETP, &folder, threads).expect_err("there is no file");
        assert!(error.to_string().contains("u2netp.onnx"), "{error}");
    }
}
