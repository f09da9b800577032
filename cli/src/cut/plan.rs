//! Which photos are cut out, and where their results go. Errors that concern the whole run are found here, before any
//! work.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cutline_core::domain::kind::ImageKind;

use super::layout::{OutputLayout, PhotoPlan};

/// Extensions of pictures that are not supported. In a folder such files are reported and not ignored.
const UNSUPPORTED_EXTENSIONS: [&str; 3] = ["heic", "heif", "bmp"];

/// Lists the photos that `inputs` name, in order, those of a folder sorted by name, with their results in `output`.
///
/// # Errors
/// If an input is missing; a folder has no picture, or is the output folder; two photos have the same results; or a
/// result would replace a source.
pub(super) fn plan_photos(inputs: &[PathBuf], output: &Path, layout: &OutputLayout) -> anyhow::Result<Vec<PhotoPlan>> {
    let sources = without_duplicates(find_sources(inputs, output)?)?;
    let photos: Vec<PhotoPlan> = sources.into_iter().map(|source| layout.plan(source, output)).collect();
    refuse_shared_results(&photos)?;
    refuse_sources_as_results(&photos)?;
    Ok(photos)
}

/// The files among `inputs`, and the pictures in the folders.
fn find_sources(inputs: &[PathBuf], output: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for input in inputs {
        let cannot_read = || format!("cannot read {}", input.display());
        if !fs::metadata(input).with_context(cannot_read)?.is_dir() {
            sources.push(input.clone());
            continue;
        }
        if is_same_folder(input, output) {
            bail!("{} is both a source and the output folder; choose another output folder", input.display());
        }
        let pictures = pictures_in(input).with_context(cannot_read)?;
        if pictures.is_empty() {
            bail!("no pictures in {}; supported are {}", input.display(), ImageKind::listed("and"));
        }
        sources.extend(pictures);
    }
    Ok(sources)
}

/// Whether two paths lead to the same folder. A missing folder equals no other.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// The files in a folder that are pictures by their extension, sorted by name. Hidden files are ignored.
fn pictures_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if has_picture_extension(&path) && !is_hidden && path.is_file() {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}

fn has_picture_extension(path: &Path) -> bool {
    let supported = ImageKind::ALL.iter().flat_map(|kind| kind.info().extensions);
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| {
        supported.chain(&UNSUPPORTED_EXTENSIONS).any(|one| one.eq_ignore_ascii_case(extension))
    })
}

/// Each file once, under the first of the paths that lead to it.
fn without_duplicates(sources: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    let mut canonical_paths = HashSet::new();
    let mut unique = Vec::new();
    for source in sources {
        let path = fs::canonicalize(&source).with_context(|| format!("cannot read {}", source.display()))?;
        if canonical_paths.insert(path) {
            unique.push(source);
        }
    }
    Ok(unique)
}

/// Names are compared without case, as many file systems do.
fn refuse_shared_results(photos: &[PhotoPlan]) -> anyhow::Result<()> {
    let mut source_by_result: HashMap<String, &Path> = HashMap::new();
    let mut clashes = String::new();
    // Two photos share either all of their results or none, so the first result of each is enough.
    for (source, result) in photos.iter().filter_map(|photo| Some((&photo.source, photo.results().next()?))) {
        if let Some(other) = source_by_result.insert(result.to_string_lossy().to_lowercase(), source) {
            clashes += &format!("\n  {} and {}: both {}", other.display(), source.display(), result.display());
        }
    }
    if !clashes.is_empty() {
        bail!(
            "several photos would be written to the same file; rename them, or run the command for each with another \
             output folder:{clashes}"
        );
    }
    Ok(())
}

fn refuse_sources_as_results(photos: &[PhotoPlan]) -> anyhow::Result<()> {
    let sources: HashSet<PathBuf> = photos.iter().filter_map(|photo| fs::canonicalize(&photo.source).ok()).collect();
    for result in photos.iter().flat_map(PhotoPlan::results) {
        // A result that does not exist yet is not a source.
        if fs::canonicalize(result).is_ok_and(|result| sources.contains(&result)) {
            bail!("{} is a source and would be overwritten; choose another output folder", result.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cutline_core::Variation;
    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
            fs::write(path, b"x").expect("is written");
        }
        folder
    }

    fn single(extension: &'static str, svg: bool) -> OutputLayout {
        OutputLayout::File { variation: Variation::Background, extension, svg }
    }

    /// The file names of the sources and their first results.
    fn names(photos: &[PhotoPlan]) -> Vec<(&str, &str)> {
        fn name(path: &Path) -> &str {
            path.file_name().and_then(OsStr::to_str).expect("has a name")
        }
        photos.iter().map(|photo| (name(&photo.source), name(&photo.pictures[0].1))).collect()
    }

    #[test]
    fn takes_the_pictures_of_a_folder_in_order() {
        let folder = folder(&["b.JPG", "a.png", "c.tif", "notes.txt", ".hidden.jpg", "deeper/d.jpg"]);
        let photos =
            plan_photos(&[folder.path().to_owned()], Path::new("out"), &single("webp", false)).expect("is planned");
        assert_eq!(names(&photos), [("a.png", "a.webp"), ("b.JPG", "b.webp"), ("c.tif", "c.webp")]);
    }

    #[test]
    fn takes_a_file_of_any_name_and_only_once() {
        let folder = folder(&["photo", "dir/x.tar.png"]);
        let inputs = [folder.path().join("photo"), folder.path().join("dir/../photo"), folder.path().join("dir")];
        let photos = plan_photos(&inputs, Path::new("out"), &single("png", false)).expect("is planned");
        assert_eq!(names(&photos), [("photo", "photo.png"), ("x.tar.png", "x.tar.png")]);
    }

    #[test]
    fn puts_the_results_of_a_set_into_a_folder_for_each_photo() {
        let folder = folder(&["a.jpg", "b/a.png"]);
        let layout = OutputLayout::Folder(vec![(Variation::Compose, "jpg"), (Variation::ShadowTop, "psd")]);
        let photos = plan_photos(&[folder.path().join("a.jpg")], Path::new("out"), &layout).expect("is planned");
        let results: Vec<_> = photos[0].results().map(|file| file.display().to_string()).collect();
        assert_eq!(results, ["out/a/compose.jpg", "out/a/shadowTop.psd"]);
        let both = [folder.path().join("a.jpg"), folder.path().join("b")];
        let error = plan_photos(&both, Path::new("out"), &layout).expect_err("is refused").to_string();
        assert!(error.contains("both out/a/compose.jpg"), "{error}");
    }

    #[test]
    fn refuses_photos_with_the_same_stem() {
        let folder = folder(&["a.jpg", "sub/A.png"]);
        let error = plan_photos(
            &[folder.path().join("a.jpg"), folder.path().join("sub")],
            Path::new("out"),
            &single("png", false),
        );
        let error = error.expect_err("is refused").to_string();
        assert!(error.contains("a.jpg and ") && error.contains("A.png"), "{error}");
    }

    #[test]
    fn never_overwrites_a_source() {
        let folder = folder(&["a.png"]);
        let error =
            plan_photos(&[folder.path().join("a.png")], folder.path(), &single("png", false)).expect_err("is refused");
        assert!(error.to_string().contains("is a source"), "{error}");
        plan_photos(&[folder.path().join("a.png")], folder.path(), &single("webp", false)).expect("has another name");
        fs::write(folder.path().join("a.svg"), "<svg/>").expect("is written");
        let inputs = [folder.path().join("a.svg")];
        plan_photos(&inputs, folder.path(), &single("png", false)).expect("writes no path");
        let error = plan_photos(&inputs, folder.path(), &single("webp", true)).expect_err("is refused");
        assert!(error.to_string().contains("a.svg is a source"), "{error}");
    }

    #[test]
    fn refuses_missing_files_and_folders_without_pictures() {
        let folder = folder(&["notes.txt"]);
        let missing = plan_photos(&[folder.path().join("no.jpg")], Path::new("out"), &single("png", false))
            .expect_err("is refused");
        assert!(
            missing.to_string().starts_with("cannot read ") && missing.to_string().ends_with("no.jpg"),
            "{missing}"
        );
        let empty =
            plan_photos(&[folder.path().to_owned()], Path::new("out"), &single("png", false)).expect_err("is refused");
        assert!(empty.to_string().contains("no pictures in"), "{empty}");
    }
}
