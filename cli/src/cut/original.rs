//! The clipping path in the photo's own file: next to it, or in its place.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where a photo with the path inserted goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OriginalTarget {
    /// `<stem>-path.<ext>`, in the photo's folder.
    NextToPhoto,
    /// The photo itself is replaced.
    InPlace,
}

/// The end of the names of photos with a path.
const SUFFIX: &str = "-path";

impl OriginalTarget {
    /// The file for a photo with the path.
    pub(super) fn file(self, photo: &Path) -> PathBuf {
        match self {
            Self::NextToPhoto => photo.with_file_name(with_suffix(photo, photo.extension())),
            Self::InPlace => photo.to_owned(),
        }
    }

    /// The file for the path as SVG.
    pub(super) fn svg(self, photo: &Path) -> PathBuf {
        photo.with_file_name(with_suffix(photo, Some(OsStr::new("svg"))))
    }
}

fn with_suffix(photo: &Path, extension: Option<&OsStr>) -> OsString {
    let mut name = photo.file_stem().unwrap_or_default().to_owned();
    name.push(SUFFIX);
    if let Some(extension) = extension {
        name.push(".");
        name.push(extension);
    }
    name
}

/// Leaves out the results of earlier runs among the files of a folder: photos with a path, and paths as SVG.
pub(super) fn without_results(pictures: Vec<PathBuf>) -> Vec<PathBuf> {
    let target = OriginalTarget::NextToPhoto;
    let results: HashSet<PathBuf> = pictures.iter().flat_map(|photo| [target.file(photo), target.svg(photo)]).collect();
    pictures.into_iter().filter(|picture| !results.contains(picture)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_named_after_its_photo_and_is_no_photo_itself() {
        let file = |photo: &str| OriginalTarget::NextToPhoto.file(Path::new(photo));
        assert_eq!(file("shop/red.cup.JPG"), Path::new("shop/red.cup-path.JPG"));
        assert_eq!(file("cup"), Path::new("cup-path"));
        assert_eq!(OriginalTarget::NextToPhoto.svg(Path::new("a/cup.tif")), Path::new("a/cup-path.svg"));
        assert_eq!(OriginalTarget::InPlace.file(Path::new("a/cup.tif")), Path::new("a/cup.tif"));
        let pictures =
            ["a.jpg", "a-path.jpg", "a-path.svg", "b-path.jpg", "b.tif", "a-path.tif", "c-path.svg"].map(PathBuf::from);
        let photos = ["a.jpg", "b-path.jpg", "b.tif", "a-path.tif", "c-path.svg"].map(PathBuf::from);
        assert_eq!(without_results(pictures.into()), photos);
    }
}
