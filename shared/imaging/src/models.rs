//! What the models are: file names, checksums, and what their networks want and give. Where they are
//! obtained is not known here; see `cutline models`.
//!
//! A folder of models holds the two that are shipped, as ONNX files or as files that were prepared from them for a fast
//! start, or both; or instead a manifest that names another model ([`own`]).

pub mod own;

use std::path::Path;

use cutline_engine::Network;
use sha2::{Digest, Sha256};

use crate::error::{Cause, Error};

/// How a picture is put before a network: as `[1, 3, side, side]`, planar RGB. Each value is divided by the picture's
/// largest one, then `mean` is subtracted and the rest divided by `std`, by channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Square {
    /// Width and height of its input and output, in pixels.
    pub side: u32,
    /// What is subtracted from each channel.
    pub mean: [f32; 3],
    /// What each channel is divided by.
    pub std: [f32; 3],
}

/// A segmentation network that is shipped, as an ONNX file.
///
/// Its input is one picture, as its [`Square`] says. Of its several outputs only the first is wanted:
/// `[1, 1, side, side]`, 0 (background) to 1 (subject).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Its name, for people.
    pub name: &'static str,
    /// Its file's name in the folder of models.
    pub file: &'static str,
    /// Its file's size in bytes.
    pub bytes: u64,
    /// Its file's SHA-256, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// The name of the file that is prepared from it.
    pub prepared: &'static str,
    /// What it takes.
    pub square: Square,
    /// The name of its first output.
    pub output: &'static str,
}

/// IS-Net for general use (Qin et al., "Highly Accurate Dichotomous Image Segmentation", 2022), weights
/// stored in 16 bits. It sees detail, and is sometimes unsure of what the subject is.
pub const ISNET: Model = Model {
    name: "IS-Net general use",
    file: "isnet-general-use-fp16.onnx",
    bytes: 88_188_479,
    sha256: "b6e8497ba978a6f5fbb647e419d2696cd80df5a23cb6a8ea532021911bd76acb",
    prepared: "isnet-general-use-fp16.network",
    square: Square { side: 1024, mean: [0.5; 3], std: [1.0; 3] },
    output: "output",
};

/// U²-Netp (Qin et al., "U²-Net: Going Deeper with Nested U-Structure for Salient Object Detection", 2020).
/// It sees the whole, and little detail.
pub const U2NETP: Model = Model {
    name: "U2-Netp",
    file: "u2netp.onnx",
    bytes: 4_574_861,
    sha256: "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    prepared: "u2netp.network",
    square: Square { side: 320, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    output: "1959",
};

/// Every model that is used.
pub const ALL: [Model; 2] = [ISNET, U2NETP];

/// The SHA-256 of a file, in lower-case hexadecimal.
fn checksum(file: &[u8]) -> String {
    Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Model {
    /// Loads its network from a folder of models: what was prepared, if it is there and of this very file; else the
    /// ONNX file, which takes some tenths of a second and four times its size in memory.
    ///
    /// The ONNX file's checksum is looked at, also when it is prepared. That of what was prepared is not: hashing it
    /// would take longer than all else at a start.
    ///
    /// The prepared file is mapped into memory. Nobody may change it in place while a process uses it; replace it by a
    /// rename.
    ///
    /// # Errors
    /// [`Error::Model`] if neither is there, or what is there is not that network.
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
            if same { Ok(network) } else { Err(Cause::from("it was prepared from another file")) }
        });
        network.map_err(|source| Error::Model { path, source })
    }

    fn read(&self, path: &Path) -> Result<Network, Cause> {
        let found = std::fs::metadata(path)?.len();
        if found != self.bytes {
            return Err(format!("the file has {found} bytes where {} has {}", self.name, self.bytes).into());
        }
        let bytes = std::fs::read(path)?;
        let sum = checksum(&bytes);
        if sum != self.sha256 {
            return Err(format!("the file's SHA-256 is {sum} where that of {} is {}", self.name, self.sha256).into());
        }
        Ok(Network::from_onnx(&bytes, self.output)?.with_source(sum))
    }

    /// Whether what was prepared from it is in a folder, and whole as far as that is told without reading it all.
    pub fn is_prepared(&self, folder: &Path) -> bool {
        self.load_prepared(folder).is_ok()
    }

    /// Prepares it from the ONNX file in one folder, in another or the same. Until that is done there is no such file
    /// there, or the one that was there before.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is not there or is not that network, or the other cannot be written.
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

    /// The engine's small network as a model, in a folder of its own.
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
            square: Square { side: 34, mean: [0.5; 3], std: [1.0; 3] },
            output: "matte",
        };
        (folder, model)
    }

    /// Where it was looked for, and why it is refused.
    fn refused(model: &Model, folder: &Path) -> (PathBuf, String) {
        match model.load(folder) {
            Err(Error::Model { path, source }) => (path, source.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_prepared_is_enough_and_is_of_this_file_alone() {
        let (folder, model) = small();
        assert!(!model.is_prepared(folder.path()));
        model.prepare(folder.path(), folder.path()).expect("is prepared");
        assert!(model.is_prepared(folder.path()));
        let other = Model { sha256: "another", ..model };
        assert!(!other.is_prepared(folder.path()), "it is of another file");
        std::fs::remove_file(folder.path().join("small.onnx")).expect("is removed");
        assert_eq!(model.load(folder.path()).expect("is loaded").source(), model.sha256);
        let (path, why) = refused(&other, folder.path());
        assert!(path.ends_with("small.network") && why.contains("another file"), "{path:?}: {why}");
    }

    #[test]
    fn a_missing_file_and_a_damaged_one_are_told_by_path_and_never_prepared() {
        let (folder, model) = small();
        let path = folder.path().join("small.onnx");
        let mut file = std::fs::read(&path).expect("is there");
        *file.last_mut().expect("has bytes") ^= 1;
        std::fs::write(&path, &file).expect("is written");
        let (told, why) = refused(&model, folder.path());
        assert!(told == path && why.contains("SHA-256"), "{told:?}: {why}");
        assert!(model.prepare(folder.path(), folder.path()).is_err() && !model.is_prepared(folder.path()));
        std::fs::write(&path, &file[1..]).expect("is written");
        assert!(refused(&model, folder.path()).1.contains("bytes"));
        std::fs::remove_file(&path).expect("is removed");
        assert_eq!(refused(&model, folder.path()).0, path);
    }

    #[test]
    fn a_prepared_file_that_is_damaged_is_passed_over_if_the_other_is_there() {
        let (folder, model) = small();
        std::fs::write(folder.path().join(model.prepared), b"something else").expect("is written");
        assert!(!model.is_prepared(folder.path()));
        assert_eq!(model.load(folder.path()).expect("is loaded").source(), model.sha256);
    }
}
