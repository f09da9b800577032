//! A custom segmentation model, in place of the two shipped ones.
//!
//! A file `model.json` in the folder of models names it:
//!
//! ```json
//! {
//!   "file": "shoes.onnx",
//!   "sha256": "(64 hexadecimal digits)",
//!   "side": 512,
//!   "mean": [0.485, 0.456, 0.406],
//!   "std": [0.229, 0.224, 0.225],
//!   "output": "matte"
//! }
//! ```
//!
//! The model file lies in the same folder. Its input is one picture, `[1, 3, side, side]`: each value divided by the
//! largest one of the picture, minus `mean`, divided by `std`, by channel. Its output is `[1, 1, side, side]`, 0
//! (background) to 1 (subject). Networks of the U²-Net family run on Cutline's engine, others on `rten`.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;

use cutline_engine::{Engine, Network, Threads};
use serde::Deserialize;

use super::{InputSpec, checksum};
use crate::error::{Cause, Error};
use crate::segment::Segmenter;
use crate::segment::engine::EngineSegmenter;
use crate::segment::rten::RtenSegmenter;

/// The file name of the manifest.
pub const MANIFEST: &str = "model.json";
/// The allowed sides of a network.
const SIDES: std::ops::RangeInclusive<u32> = 32..=4096;
/// The largest manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;
/// The memory that a network takes on rten for each pixel of its input, in bytes: estimated from the 600 MB of IS-Net.
const RTEN_BYTES_PER_PIXEL: u64 = 600;

/// A custom model that is ready to run.
pub(crate) struct LoadedModel {
    pub(crate) segmenter: Box<dyn Segmenter>,
    /// The threads of the engine; `None` on rten.
    pub(crate) threads: Option<Threads>,
    /// The memory that a run takes, in bytes; an estimate on rten.
    pub(crate) network_memory: u64,
}

/// A custom model, as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Manifest")]
pub struct CustomModel {
    /// The name of the ONNX file, in the folder of the manifest.
    pub file: String,
    /// The SHA-256 of the ONNX file, 64 hexadecimal digits.
    pub sha256: String,
    /// The input, whose side is 32 to 4096.
    pub input: InputSpec,
    /// The name of the output.
    pub output: String,
}

/// The manifest as it is written, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    file: String,
    sha256: String,
    side: u32,
    mean: Vec<f32>,
    std: Vec<f32>,
    output: String,
}

impl TryFrom<Manifest> for CustomModel {
    type Error = String;

    fn try_from(manifest: Manifest) -> Result<Self, String> {
        let Manifest { file, sha256, side, mean, std, output } = manifest;
        if Path::new(&file).file_name().is_none_or(|name| name != file.as_str()) {
            return Err("file: must be the name of a file in the folder of the manifest".to_owned());
        }
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("sha256: must be 64 hexadecimal digits".to_owned());
        }
        if !SIDES.contains(&side) {
            return Err(format!("side: must be from {} to {}", SIDES.start(), SIDES.end()));
        }
        let (mean, std) = (channels("mean", mean)?, channels("std", std)?);
        if std.contains(&0.0) {
            return Err("std: must not contain 0".to_owned());
        }
        Ok(Self { file, sha256, input: InputSpec { side, mean, std }, output })
    }
}

/// The values for red, green and blue.
fn channels(field: &str, values: Vec<f32>) -> Result<[f32; 3], String> {
    match <[f32; 3]>::try_from(values) {
        Ok(values) if values.iter().all(|value| value.is_finite()) => Ok(values),
        Ok(_) | Err(_) => Err(format!("{field}: must be three numbers")),
    }
}

impl CustomModel {
    /// Identifies the model and every setting of its manifest: the first 16 hexadecimal digits of the SHA-256 over the
    /// fields, each as its length (8 bytes, little-endian) and its bytes. Numbers are little-endian.
    pub(crate) fn version(&self) -> String {
        let Self { file, sha256, input: InputSpec { side, mean, std }, output } = self;
        let floats = |values: &[f32; 3]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let mut canonical = Vec::new();
        for field in [
            file.as_bytes(),
            sha256.to_ascii_lowercase().as_bytes(),
            &side.to_le_bytes(),
            &floats(mean),
            &floats(std),
            output.as_bytes(),
        ] {
            canonical.extend((field.len() as u64).to_le_bytes());
            canonical.extend(field);
        }
        checksum(&canonical)[..16].to_owned()
    }

    /// The custom model of a folder; `None` without a manifest.
    ///
    /// # Errors
    /// [`Error::Model`] if the manifest cannot be read or is invalid.
    pub fn of(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(MANIFEST);
        Self::read(&path).map_err(|source| Error::Model { path, source })
    }

    fn read(path: &Path) -> Result<Option<Self>, Cause> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut text = String::new();
        file.take(MAX_MANIFEST_BYTES).read_to_string(&mut text)?;
        Ok(Some(serde_json::from_str(&text)?))
    }

    /// Whether the model file in a folder has the checksum that the manifest states.
    pub fn is_intact(&self, folder: &Path) -> bool {
        std::fs::read(folder.join(&self.file)).is_ok_and(|file| checksum(&file).eq_ignore_ascii_case(&self.sha256))
    }

    /// Loads the model after checking its SHA-256.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is missing or has another checksum, or if neither runtime supports it.
    pub(crate) fn load(&self, folder: &Path, threads: NonZeroUsize) -> Result<LoadedModel, Error> {
        let path = folder.join(&self.file);
        self.open(&path, threads).map_err(|source| Error::Model { path, source })
    }

    fn open(&self, path: &Path, threads: NonZeroUsize) -> Result<LoadedModel, Cause> {
        // Read once, so that the bytes that were checked are the ones that run.
        let bytes = std::fs::read(path)?;
        let sum = checksum(&bytes);
        if !sum.eq_ignore_ascii_case(&self.sha256) {
            return Err(format!("sha256: the file has {sum}, and {MANIFEST} says {}", self.sha256).into());
        }
        let engine = Network::from_onnx(&bytes, &self.output).and_then(|network| {
            let threads = Threads::new(threads)?;
            Ok((Engine::new(network, threads.clone())?, threads))
        });
        match engine {
            Ok((engine, threads)) => {
                let network_memory = engine.memory() as u64;
                let segmenter = Box::new(EngineSegmenter::new(&self.file, self.input, engine)?);
                Ok(LoadedModel { segmenter, threads: Some(threads), network_memory })
            }
            Err(cutline_engine::Error::Unsupported(operator)) => {
                tracing::info!(
                    file = self.file.as_str(),
                    operator = operator.as_str(),
                    "the engine does not support the model; it runs on rten"
                );
                let segmenter = Box::new(RtenSegmenter::new(&self.file, self.input, bytes, &self.output, threads)?);
                let pixels = u64::from(self.input.side) * u64::from(self.input.side);
                Ok(LoadedModel { segmenter, threads: None, network_memory: pixels * RTEN_BYTES_PER_PIXEL })
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(change: impl Fn(&mut serde_json::Value)) -> Result<Option<CustomModel>, Error> {
        let mut document = serde_json::json!({
            "file": "custom.onnx", "sha256": "0".repeat(64), "side": 320, "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1],
            "output": "matte",
        });
        change(&mut document);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(MANIFEST), document.to_string()).expect("is written");
        CustomModel::of(folder.path())
    }

    #[test]
    fn an_invalid_manifest_is_an_error_that_names_the_field() {
        assert_eq!(manifest(|_| ()).expect("is read").map(|model| model.input.side), Some(320));
        let invalid: [(&str, serde_json::Value); 6] = [
            ("file", "../custom.onnx".into()),
            ("sha256", "abc".into()),
            ("side", 5000.into()),
            ("std", serde_json::json!([1, 0, 1])),
            ("mean", serde_json::json!([1, 1])),
            ("outputs", "matte".into()),
        ];
        for (field, value) in invalid {
            let error = manifest(|document| document[field] = value.clone()).expect_err(field);
            let cause = std::error::Error::source(&error).expect("has a cause").to_string();
            assert!(error.to_string().contains(MANIFEST) && cause.contains(field), "{cause}");
        }
    }

    #[test]
    fn a_folder_without_a_manifest_has_no_custom_model() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(CustomModel::of(folder.path()).expect("can be looked at"), None);
    }

    /// Loads the small network of the engine's tests as a custom model.
    fn small(output: &str, side: u32) -> Result<crate::Matting, Error> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/data/small.onnx");
        let file = std::fs::read(file).expect("is there");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("custom.onnx"), &file).expect("is written");
        let manifest = serde_json::json!({
            "file": "custom.onnx", "sha256": checksum(&file).to_uppercase(), "side": side,
            "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1], "output": output,
        });
        std::fs::write(folder.path().join(MANIFEST), manifest.to_string()).expect("is written");
        crate::Matting::load(folder.path(), NonZeroUsize::MIN)
    }

    #[test]
    fn an_unsupported_model_runs_on_rten() {
        let picture = image::RgbImage::from_fn(50, 40, |x, y| image::Rgb([(x * 5) as u8, (y * 6) as u8, 90]));
        // The engine does not support the last operator of the second.
        for output in ["matte", "unwanted"] {
            let predicted = small(output, 34).expect("is loaded").predict(&picture);
            let matte = predicted.unwrap_or_else(|error| panic!("{output}: {error}")).matte;
            assert!(matte.side() == 34 && matte.values().contains(&1.0), "{output}");
        }
    }

    #[test]
    fn a_network_of_another_side_is_an_error_that_names_the_field() {
        let error = small("matte", 64).expect_err("takes 34");
        let cause = std::error::Error::source(&error).expect("has a cause").to_string();
        assert!(cause.contains("side: 64") && cause.contains("34"), "{cause}");
    }

    #[test]
    fn rejects_a_file_with_another_checksum() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("custom.onnx"), b"something").expect("is written");
        let model = manifest(|_| ()).expect("is read").expect("is there");
        let error = model.load(folder.path(), NonZeroUsize::MIN).err().expect("another checksum");
        let cause = std::error::Error::source(&error).expect("has a cause").to_string();
        assert!(cause.contains("sha256"), "{cause}");
    }

    #[test]
    fn every_field_of_the_manifest_changes_the_version() {
        let version =
            |change: &dyn Fn(&mut serde_json::Value)| manifest(change).expect("is read").expect("is there").version();
        let original = version(&|_| ());
        assert_eq!(original, version(&|document| document["mean"] = serde_json::json!([0.5, 0.5, 5e-1])));
        let changes: [(&str, serde_json::Value); 6] = [
            ("file", "other.onnx".into()),
            ("sha256", "1".repeat(64).into()),
            ("side", 321.into()),
            ("mean", serde_json::json!([0.5, 0.5, 0.4])),
            ("std", serde_json::json!([1, 1, 2])),
            ("output", "mask".into()),
        ];
        for (field, value) in changes {
            assert_ne!(version(&|document| document[field] = value.clone()), original, "{field}");
        }
        assert_eq!(original, "6c6a6a63d90c7244", "the same for every version of the code");
    }
}
