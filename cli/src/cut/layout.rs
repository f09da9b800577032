//! File names of results.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cutline_core::Variation;

use super::names::{PhotoNames, ResultNames};
use super::original::OriginalTarget;
use crate::folders::stem_of;

/// The name that stands for standard input and output.
pub(super) const STANDARD_STREAM: &str = "-";
/// The name of the results of standard input.
const STANDARD_INPUT_STEM: &str = "stdin";

/// A photo and the files of its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhotoPlan {
    pub(super) source: PathBuf,
    /// The files of its pictures.
    pub(super) pictures: Vec<(Variation, PathBuf)>,
    /// The file of its path as SVG, if requested.
    pub(super) svg: Option<PathBuf>,
    /// The parts that are missing from the names of its results.
    pub(super) warning: Option<String>,
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
    /// The photo itself with the path inserted, and where it goes.
    Original {
        target: OriginalTarget,
        /// Whether to write the path next to it, as SVG.
        svg: bool,
    },
    /// Files named by a template, of these variations and file extensions.
    Named {
        names: ResultNames,
        files: Vec<(Variation, &'static str)>,
        /// Whether to write the path next to the first of them, as SVG.
        svg: bool,
    },
    /// A folder for each photo, named after the photo, with these variations and file extensions.
    Folder(Vec<(Variation, &'static str)>),
}

impl OutputLayout {
    /// The results that must replace neither a photo nor the result of another: all but a picture that takes its own
    /// photo's place.
    pub(super) fn new_files<'a>(&self, photo: &'a PhotoPlan) -> impl Iterator<Item = &'a PathBuf> + use<'a> {
        let is_in_place = matches!(self, Self::Original { target: OriginalTarget::InPlace, .. });
        let pictures: &[(Variation, PathBuf)] = if is_in_place { &[] } else { &photo.pictures };
        pictures.iter().map(|(_, file)| file).chain(&photo.svg)
    }

    /// The member of the metadata that the results of `source` are named after, and that is missing.
    pub(super) fn missing_member(&self, source: &Path) -> Option<&str> {
        match self {
            Self::Named { names, .. } => names.missing_member(source),
            Self::File { .. } | Self::Original { .. } | Self::Folder(_) => None,
        }
    }

    /// The files for the results of `source`, in the folder `output` unless they belong next to the photo.
    pub(super) fn plan(&self, source: PathBuf, output: &Path) -> PhotoPlan {
        let is_stream = source == Path::new(STANDARD_STREAM);
        let stem = if is_stream { STANDARD_INPUT_STEM.into() } else { stem_of(&source) };
        match self {
            Self::File { variation, extension, svg } => {
                let file = |extension| output.join(with_extension(stem.clone(), extension));
                let pictures = vec![(*variation, file(extension))];
                PhotoPlan { source, pictures, svg: svg.then(|| file("svg")), warning: None }
            }
            Self::Original { target, svg } => {
                let pictures = vec![(Variation::Clipping, target.file(&source))];
                PhotoPlan { svg: svg.then(|| target.svg(&source)), source, pictures, warning: None }
            }
            Self::Named { names, files, svg } => {
                let named = if is_stream { Path::new(STANDARD_INPUT_STEM) } else { source.as_path() };
                let variations: Vec<_> = files.iter().map(|(variation, _)| *variation).collect();
                let PhotoNames { stems, warning } = names.of_photo(named, &variations);
                let file = |stem: &String, extension| output.join(with_extension(stem.into(), extension));
                let svg = stems.first().filter(|_| *svg).map(|stem| file(stem, "svg"));
                let pictures =
                    files.iter().zip(&stems).map(|((variation, extension), stem)| (*variation, file(stem, extension)));
                PhotoPlan { pictures: pictures.collect(), source, svg, warning }
            }
            Self::Folder(files) => {
                let folder = output.join(stem);
                let file = |(variation, extension): &(Variation, &str)| {
                    (*variation, folder.join(format!("{}.{extension}", variation.as_str())))
                };
                PhotoPlan { source, pictures: files.iter().map(file).collect(), svg: None, warning: None }
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
