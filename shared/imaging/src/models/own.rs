//! A segmentation model of the user's own, in place of the two that are shipped.
//!
//! A folder of models that holds a file `model.json` is of that model:
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
//! The file lies in the same folder. It takes one picture, `[1, 3, side, side]`: each value divided by the picture's
//! largest one, less `mean`, divided by `std`, by channel; and its output is `[1, 1, side, side]`, 0 (background) to 1
//! (subject). A network of U²-Net's family runs on Cutline's engine, any other on `rten`.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;

use cutline_engine::{Engine, Network, Threads};
use serde::Deserialize;

use super::{Square, checksum};
use crate::error::{Cause, Error};
use crate::segment::Segmenter;
use crate::segment::engine::EngineSegmenter;
use crate::segment::rten::RtenSegmenter;

/// The manifest's name.
pub const MANIFEST: &str = "model.json";
/// The sides that a network may have.
const SIDES: std::ops::RangeInclusive<u32> = 32..=4096;
/// The most that a manifest takes, in bytes.
const MOST_OF_MANIFEST: u64 = 64 << 10;

/// What a network takes on rten for each pixel of its square, in bytes: a guess, from IS-Net's 600 MB.
const RTEN_A_PIXEL: u64 = 600;

/// A model that is ready to run.
pub struct Loaded {
    /// What runs it.
    pub segmenter: Box<dyn Segmenter>,
    /// The threads that it runs on, if it is the engine that does.
    pub threads: Option<Threads>,
    /// The memory that a run takes, in bytes; of rten, about.
    pub memory: u64,
}

/// A model of the user's own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnModel {
    /// The name of its ONNX file, in the folder of the manifest.
    pub file: String,
    /// The file's SHA-256, in hexadecimal.
    pub sha256: String,
    /// Width and height of its input and output, in pixels: 32 to 4096.
    pub side: u32,
    /// What is subtracted from each channel.
    #[serde(deserialize_with = "three")]
    pub mean: [f32; 3],
    /// What each channel is divided by; not 0.
    #[serde(deserialize_with = "three")]
    pub std: [f32; 3],
    /// The name of its output.
    pub output: String,
}

/// Red, green and blue. A refusal that names the field follows when they are looked at.
fn three<'de, D: serde::Deserializer<'de>>(from: D) -> Result<[f32; 3], D::Error> {
    let values = Vec::<f32>::deserialize(from)?;
    Ok(values.try_into().unwrap_or([f32::NAN; 3]))
}

impl OwnModel {
    /// What tells it from others, in a few letters: its file and all that is said of it.
    pub(crate) fn version(&self) -> String {
        checksum(format!("{self:?}").as_bytes())[..16].to_owned()
    }

    /// The model of a folder, if it holds a manifest.
    ///
    /// # Errors
    /// [`Error::Model`] if the manifest cannot be read, or says what cannot be.
    pub fn of(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(MANIFEST);
        match Self::read(&path) {
            Ok(model) => Ok(model),
            Err(source) => Err(Error::Model { path, source }),
        }
    }

    fn read(path: &Path) -> Result<Option<Self>, Cause> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut text = String::new();
        file.take(MOST_OF_MANIFEST).read_to_string(&mut text)?;
        let model: Self = serde_json::from_str(&text)?;
        model.check()?;
        Ok(Some(model))
    }

    fn check(&self) -> Result<(), Cause> {
        let plain = Path::new(&self.file).file_name().is_some_and(|name| name == self.file.as_str());
        if !plain {
            return Err("file: has to be the name of a file in the folder of the manifest".into());
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("sha256: has to be 64 hexadecimal digits".into());
        }
        if !SIDES.contains(&self.side) {
            return Err("side: has to be from 32 to 4096".into());
        }
        if !self.mean.iter().chain(&self.std).all(|value| value.is_finite()) || self.std.contains(&0.0) {
            return Err("mean and std: have to be three numbers each, and those of std not 0".into());
        }
        Ok(())
    }

    /// Whether its file is in a folder, and is the one that the manifest means.
    pub fn is_intact(&self, folder: &Path) -> bool {
        std::fs::read(folder.join(&self.file)).is_ok_and(|file| checksum(&file).eq_ignore_ascii_case(&self.sha256))
    }

    /// Loads it, and checks its SHA-256.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is not there, is another one, or is no network that either runtime knows.
    pub fn load(&self, folder: &Path, threads: NonZeroUsize) -> Result<Loaded, Error> {
        let path = folder.join(&self.file);
        self.open(&path, threads).map_err(|source| Error::Model { path, source })
    }

    fn open(&self, path: &Path, threads: NonZeroUsize) -> Result<Loaded, Cause> {
        // Read once: what is checked is what runs.
        let bytes = std::fs::read(path)?;
        let sum = checksum(&bytes);
        if !sum.eq_ignore_ascii_case(&self.sha256) {
            return Err(format!("sha256: that of the file is {sum}, and {MANIFEST} has {}", self.sha256).into());
        }
        let square = Square { side: self.side, mean: self.mean, std: self.std };
        let engine = Network::from_onnx(&bytes, &self.output).and_then(|network| {
            let threads = Threads::new(threads)?;
            Ok((Engine::new(network, threads.clone())?, threads))
        });
        match engine {
            Ok((engine, threads)) => {
                let memory = engine.memory() as u64;
                let segmenter = Box::new(EngineSegmenter::new(&self.file, square, engine)?);
                Ok(Loaded { segmenter, threads: Some(threads), memory })
            }
            Err(cutline_engine::Error::Unsupported(what)) => {
                tracing::info!("{} runs on rten: the engine does not know {what}", self.file);
                let segmenter = Box::new(RtenSegmenter::new(&self.file, square, bytes, &self.output, threads)?);
                let pixels = u64::from(self.side) * u64::from(self.side);
                Ok(Loaded { segmenter, threads: None, memory: pixels * RTEN_A_PIXEL })
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(change: impl Fn(&mut serde_json::Value)) -> Result<Option<OwnModel>, Error> {
        let mut document = serde_json::json!({
            "file": "own.onnx", "sha256": "0".repeat(64), "side": 320, "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1],
            "output": "matte",
        });
        change(&mut document);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(MANIFEST), document.to_string()).expect("is written");
        OwnModel::of(folder.path())
    }

    #[test]
    fn a_manifest_is_read_and_told_what_is_wrong_with_it() {
        assert_eq!(manifest(|_| ()).expect("is read").map(|model| model.side), Some(320));
        let wrong: [(&str, serde_json::Value); 6] = [
            ("file", "../own.onnx".into()),
            ("sha256", "abc".into()),
            ("side", 5000.into()),
            ("std", serde_json::json!([1, 0, 1])),
            ("mean", serde_json::json!([1, 1])),
            ("outputs", "matte".into()),
        ];
        for (field, value) in wrong {
            let error = manifest(|document| document[field] = value.clone()).expect_err(field);
            let cause = std::error::Error::source(&error).expect("has a cause").to_string();
            assert!(error.to_string().contains(MANIFEST) && cause.contains(field), "{cause}");
        }
    }

    #[test]
    fn a_folder_without_a_manifest_has_no_model_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(OwnModel::of(folder.path()).expect("can be looked at"), None);
    }

    /// A folder with the engine's small network as a model of its own.
    fn small(output: &str, side: u32) -> Result<crate::Matting, Error> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/data/small.onnx");
        let file = std::fs::read(file).expect("is there");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("own.onnx"), &file).expect("is written");
        let manifest = serde_json::json!({
            "file": "own.onnx", "sha256": checksum(&file).to_uppercase(), "side": side,
            "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1], "output": output,
        });
        std::fs::write(folder.path().join(MANIFEST), manifest.to_string()).expect("is written");
        crate::Matting::load(folder.path(), NonZeroUsize::MIN)
    }

    #[test]
    fn a_model_runs_on_the_engine_or_else_on_rten() {
        let picture = image::RgbImage::from_fn(50, 40, |x, y| image::Rgb([(x * 5) as u8, (y * 6) as u8, 90]));
        // The engine does not know the last operator of the second.
        for output in ["matte", "unwanted"] {
            let cut = small(output, 34).expect("is loaded").cut(&picture);
            let matte = cut.unwrap_or_else(|error| panic!("{output}: {error}")).matte;
            assert!(matte.side() == 34 && matte.values().contains(&1.0), "{output}");
        }
    }

    #[test]
    fn a_network_of_another_side_is_told_by_the_field() {
        let refused = small("matte", 64).expect_err("takes 34");
        let cause = std::error::Error::source(&refused).expect("has a cause").to_string();
        assert!(cause.contains("side: it is 64") && cause.contains("34"), "{cause}");
    }

    #[test]
    fn another_file_than_the_manifest_says_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("own.onnx"), b"something").expect("is written");
        let model = manifest(|_| ()).expect("is read").expect("is there");
        let refused = model.load(folder.path(), NonZeroUsize::MIN).err().expect("another checksum");
        let cause = std::error::Error::source(&refused).expect("has a cause").to_string();
        assert!(cause.contains("sha256"), "{cause}");
    }
}
