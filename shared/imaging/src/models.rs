//! The models: file names, checksums, and the inputs and outputs of their networks. `cutline models` knows where to
//! download them.
//!
//! A folder of models holds the two shipped models, as ONNX files, as prepared files that load faster, or both. A
//! manifest in the folder replaces them by another model ([`custom`]).

pub mod custom;

use std::path::Path;

use cutline_engine::Network;
use sha2::{Digest, Sha256};

use crate::error::{Cause, Error};

/// The input of a network: one picture as `[1, 3, side, side]`, planar RGB. Each value is divided by the largest one of
/// the picture, then `mean` is subtracted and the result divided by `std`, by channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputSpec {
    /// Width and height of input and output, in pixels.
    pub side: u32,
    /// The value subtracted from each channel.
    pub mean: [f32; 3],
    /// The divisor of each channel, not 0.
    pub std: [f32; 3],
}

/// A shipped segmentation network.
///
/// Of its several outputs only the first is used: `[1, 1, side, side]`, 0 (background) to 1 (subject).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// The display name.
    pub name: &'static str,
    /// The name of the ONNX file in the folder of models.
    pub file: &'static str,
    /// The size of the ONNX file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the ONNX file, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// The name of the file that is prepared from the ONNX file.
    pub prepared: &'static str,
    /// The input.
    pub input: InputSpec,
    /// The name of the first output.
    pub output: &'static str,
}

/// IS-Net for general use (Qin et al., "Highly Accurate Dichotomous Image Segmentation", 2022), with weights of 16 bits.
/// Sees detail, and is sometimes unsure of what the subject is.
pub const ISNET: Model = Model {
    name: "IS-Net general use",
    file: "isnet-general-use-fp16.onnx",
    bytes: 88_188_479,
    sha256: "b6e8497ba978a6f5fbb647e419d2696cd80df5a23cb6a8ea532021911bd76acb",
    prepared: "isnet-general-use-fp16.network",
    input: InputSpec { side: 1024, mean: [0.5; 3], std: [1.0; 3] },
    output: "output",
};

/// U²-Netp (Qin et al., "U²-Net: Going Deeper with Nested U-Structure for Salient Object Detection", 2020).
/// Sees the whole, and little detail.
pub const U2NETP: Model = Model {
    name: "U2-Netp",
    file: "u2netp.onnx",
    bytes: 4_574_861,
    sha256: "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    prepared: "u2netp.network",
    input: InputSpec { side: 320, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    output: "1959",
};

/// Every shipped model.
pub const ALL: [Model; 2] = [ISNET, U2NETP];

/// The SHA-256 of a file, in lower-case hexadecimal.
fn checksum(file: &[u8]) -> String {
    Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Model {
    /// Loads the network from a folder of models: the prepared file, if it exists and was prepared from this ONNX file;
    /// else the ONNX file, which takes some tenths of a second and four times its size in memory.
    ///
    /// The checksum of the ONNX file is verified, here and when it is prepared. That of the prepared file is not:
    /// hashing it would take longer than everything else at startup.
    ///
    /// The prepared file is mapped into memory. Nobody may change it in place while a process uses it; replace it by a
    /// rename.
    ///
    /// # Errors
    /// [`Error::Model`] if both files are missing, or the file found is not this network.
    pub fn load(&self, folder: &Path) -> Result<Network, Error> {
        match self.load_prepared(folder) {
            Ok(network) => Ok(network),
            Err(error) => {
                let path = folder.join(self.file);
                if !path.exists() && folder.join(self.prepared).exists() {
                    return Err(error);
                }
                self.read(&path).map_err(|source| Error::Model { path, source })
            }
        }
    }

    #[expect(unsafe_code, reason = "maps a file of the models folder; see SAFETY")]
    fn load_prepared(&self, folder: &Path) -> Result<Network, Error> {
        let path = folder.join(self.prepared);
        // SAFETY: Cutline never changes a prepared file, it only replaces it by a rename (`Network::prepare`); `Model::load`
        // asks the same of anyone else who manages the folder.
        let network = unsafe { Network::load_mmap(&path) }.map_err(Cause::from).and_then(|network| {
            let same = network.source() == self.sha256;
            if same {
                Ok(network)
            } else {
                Err(Cause::from("the file was prepared from another model; run `cutline models fetch`"))
            }
        });
        network.map_err(|source| Error::Model { path, source })
    }

    fn read(&self, path: &Path) -> Result<Network, Cause> {
        let found = std::fs::metadata(path)?.len();
        if found != self.bytes {
            return Err(format!("wrong size: {found} bytes, and {} has {}", self.name, self.bytes).into());
        }
        let bytes = std::fs::read(path)?;
        let sum = checksum(&bytes);
        if sum != self.sha256 {
            return Err(format!("wrong SHA-256: {sum}, and {} has {}", self.name, self.sha256).into());
        }
        Ok(Network::from_onnx(&bytes, self.output)?.with_source(sum))
    }

    /// Whether a folder holds its prepared file, complete as far as can be checked without reading all of it.
    pub fn is_prepared(&self, folder: &Path) -> bool {
        self.load_prepared(folder).is_ok()
    }

    /// Prepares the ONNX file of one folder into another, or the same. The prepared file appears, or replaces an earlier
    /// one, only when it is complete.
    ///
    /// # Errors
    /// [`Error::Model`] if the ONNX file is missing or not this network, or the prepared file cannot be written.
    pub fn prepare(&self, folder: &Path, to: &Path) -> Result<(), Error> {
        let path = folder.join(self.file);
        let network = self.read(&path).map_err(|source| Error::Model { path, source })?;
        let path = to.join(self.prepared);
        network.prepare(&path).map_err(|error| Error::Model { path, source: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// The small network of the engine's tests as a model in a temporary folder.
    fn small() -> (tempfile::TempDir, Model) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/data/small.onnx");
        let file = std::fs::read(file).expect("is there");
        std::fs::write(folder.path().join("small.onnx"), &file).expect("is written");
        let model = Model {
            name: "small",
            file: "small.onnx",
            bytes: file.len() as u64,
            sha256: checksum(&file).leak(),
            prepared: "small.network",
            input: InputSpec { side: 34, mean: [0.5; 3], std: [1.0; 3] },
            output: "matte",
        };
        (folder, model)
    }

    /// The path and the cause of the error.
    fn load_error(model: &Model, folder: &Path) -> (PathBuf, String) {
        match model.load(folder) {
            Err(Error::Model { path, source }) => (path, source.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_prepared_file_replaces_only_the_model_it_was_prepared_from() {
        let (folder, model) = small();
        assert!(!model.is_prepared(folder.path()));
        model.prepare(folder.path(), folder.path()).expect("is prepared");
        assert!(model.is_prepared(folder.path()));
        let other = Model { sha256: "another", ..model };
        assert!(!other.is_prepared(folder.path()), "prepared from another file");
        std::fs::remove_file(folder.path().join("small.onnx")).expect("is removed");
        assert_eq!(model.load(folder.path()).expect("is loaded").source(), model.sha256);
        let (path, why) = load_error(&other, folder.path());
        assert!(path.ends_with("small.network") && why.contains("another model"), "{path:?}: {why}");
    }

    #[test]
    fn a_missing_or_damaged_file_is_an_error_with_its_path_and_never_prepared() {
        let (folder, model) = small();
        let path = folder.path().join("small.onnx");
        let mut file = std::fs::read(&path).expect("is there");
        *file.last_mut().expect("has bytes") ^= 1;
        std::fs::write(&path, &file).expect("is written");
        let (at, why) = load_error(&model, folder.path());
        assert!(at == path && why.contains("SHA-256"), "{at:?}: {why}");
        assert!(model.prepare(folder.path(), folder.path()).is_err() && !model.is_prepared(folder.path()));
        std::fs::write(&path, &file[1..]).expect("is written");
        assert!(load_error(&model, folder.path()).1.contains("bytes"));
        std::fs::remove_file(&path).expect("is removed");
        assert_eq!(load_error(&model, folder.path()).0, path);
    }

    #[test]
    fn a_damaged_prepared_file_falls_back_to_the_onnx_file() {
        let (folder, model) = small();
        std::fs::write(folder.path().join(model.prepared), b"something else").expect("is written");
        assert!(!model.is_prepared(folder.path()));
        assert_eq!(model.load(folder.path()).expect("is loaded").source(), model.sha256);
    }
}
