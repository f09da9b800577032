//! File names of results.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cutline_core::Variation;

/// A photo and the files of its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhotoPlan {
    pub(super) source: PathBuf,
    /// The files of its pictures.
    pub(super) pictures: Vec<(Variation, PathBuf)>,
    /// The file of its path as SVG, if requested.
    pub(super) svg: Option<PathBuf>,
}

impl PhotoPlan {
    /// The files of all results.
    pub(super) fn results(&self) -> impl Iterator<Item = &PathBuf> {
        self.pictures.iter().map(|(_, file)| file).chain(&self.svg)
    }
}

/// The names of results in the output folder.
#[derive(Debug, Clone)]
pub(super) enum OutputLayout {
    /// One picture for each photo, named after the photo.
    File {
        /// The picture to write.
        variation: Variation,
        /// Its file extension.
        extension: &'static str,
        /// Whether to write the path next to it, as SVG.
        svg: bool,
    },
    /// A folder for each photo, named after the photo, with these variations and file extensions.
    Folder(Vec<(Variation, &'static str)>),
}

impl OutputLayout {
    /// The files for the results of `source` in the folder `output`.
    pub(super) fn plan(&self, source: PathBuf, output: &Path) -> PhotoPlan {
        let stem = source.file_stem().unwrap_or_default().to_owned();
        match self {
            Self::File { variation, extension, svg } => {
                let file = |extension| output.join(with_extension(stem.clone(), extension));
                PhotoPlan { source, pictures: vec![(*variation, file(extension))], svg: svg.then(|| file("svg")) }
            }
            Self::Folder(files) => {
                let folder = output.join(stem);
                let file = |(variation, extension): &(Variation, &str)| {
                    (*variation, folder.join(format!("{}.{extension}", variation.as_str())))
                };
                PhotoPlan { source, pictures: files.iter().map(file).collect(), svg: None }
            }
        }
    }
}

/// Appends an extension. `Path::with_extension` would replace the end of a stem such as `x.tar`.
fn with_extension(mut stem: OsString, extension: &str) -> OsString {
    stem.push(".");
    stem.push(extension);
    stem
}
