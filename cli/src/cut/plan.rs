//! Which photos are cut out, and where their results go. Errors that concern the whole run are found here, before any
//! work.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cutline_core::domain::kind::ImageKind;

use super::layout::{OutputLayout, PhotoPlan, STANDARD_STREAM};
use super::original::without_results;
use crate::folders::{FilterArgs, pictures_in, refuse_as_output};

/// Where photos are searched.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs {
    /// Files and folders.
    pub(super) paths: Vec<PathBuf>,
    /// Which files of folders are taken.
    pub(super) filter: FilterArgs,
    /// Whether the results of all folders go into one.
    pub(super) is_flat: bool,
}

/// A photo, and the folder of its results below the output folder.
struct FoundPhoto {
    path: PathBuf,
    folder: PathBuf,
}

/// Lists the photos that `inputs` name, in order, those of a folder sorted by path, with their results in `output`.
///
/// # Errors
/// If an input is missing; a folder has no picture, or is the output folder; a photo's name lacks what its results are
/// named after; two results have the same name; or one would replace a source.
pub(super) fn plan_photos(inputs: &Inputs, output: &Path, layout: &OutputLayout) -> anyhow::Result<Vec<PhotoPlan>> {
    let found = without_duplicates(find_photos(inputs, output, layout)?)?;
    refuse_missing_members(&found, layout)?;
    let photos: Vec<PhotoPlan> =
        found.into_iter().map(|photo| layout.plan(photo.path, &output.join(photo.folder))).collect();
    refuse_shared_results(&photos, layout)?;
    refuse_sources_as_results(&photos, layout)?;
    Ok(photos)
}

/// Whether a path stands for standard input or output.
pub(super) fn is_standard_stream(path: &Path) -> bool {
    path == Path::new(STANDARD_STREAM)
}

/// The files among the inputs, and the pictures in the folders.
fn find_photos(inputs: &Inputs, output: &Path, layout: &OutputLayout) -> anyhow::Result<Vec<FoundPhoto>> {
    // Results next to their photos have no folder of their own that has to be left out.
    let is_original = matches!(layout, OutputLayout::Original { .. });
    let skipped = if is_original { Path::new("") } else { output };
    let mut photos = Vec::new();
    for input in &inputs.paths {
        if is_original && is_standard_stream(input) {
            bail!("standard input is not a file that gets a path; name the file");
        }
        let cannot_read = || format!("cannot read {}", input.display());
        if is_standard_stream(input) || !fs::metadata(input).with_context(cannot_read)?.is_dir() {
            photos.push(FoundPhoto { path: input.clone(), folder: PathBuf::new() });
            continue;
        }
        if !is_original {
            refuse_as_output(input, output)?;
        }
        let pictures = pictures_in(input, skipped, &inputs.filter).with_context(cannot_read)?;
        let pictures = if is_original { without_results(pictures) } else { pictures };
        if pictures.is_empty() {
            bail!("no pictures in {}; supported are {}", input.display(), ImageKind::listed("and"));
        }
        photos.extend(pictures.into_iter().map(|below| {
            let folder = below.parent().filter(|_| !inputs.is_flat).unwrap_or(Path::new("")).to_owned();
            FoundPhoto { path: input.join(below), folder }
        }));
    }
    Ok(photos)
}

/// Each file once, under the first of the paths that lead to it.
fn without_duplicates(photos: Vec<FoundPhoto>) -> anyhow::Result<Vec<FoundPhoto>> {
    let mut canonical_paths = HashSet::new();
    let mut unique = Vec::new();
    for photo in photos {
        let path = match is_standard_stream(&photo.path) {
            true => photo.path.clone(),
            false => fs::canonicalize(&photo.path).with_context(|| format!("cannot read {}", photo.path.display()))?,
        };
        if canonical_paths.insert(path) {
            unique.push(photo);
        }
    }
    Ok(unique)
}

/// Refuses photos whose results cannot be named by the template.
fn refuse_missing_members(photos: &[FoundPhoto], layout: &OutputLayout) -> anyhow::Result<()> {
    let mut unnamed = String::new();
    for photo in photos {
        if let Some(key) = layout.missing_member(&photo.path) {
            unnamed += &format!("\n  {}: metadata.{key}", photo.path.display());
        }
    }
    if !unnamed.is_empty() {
        bail!(
            "the names of these photos lack what the output name needs; give an --id-pattern that reads it, or another \
             --output-name:{unnamed}"
        );
    }
    Ok(())
}

/// Names are compared without case, as many file systems do.
fn refuse_shared_results(photos: &[PhotoPlan], layout: &OutputLayout) -> anyhow::Result<()> {
    let mut source_by_result: HashMap<String, &Path> = HashMap::new();
    let mut clashes = String::new();
    for photo in photos {
        let source = photo.source.as_path();
        // One clash of two photos is enough: most share either all of their results or none.
        let mut is_listed = false;
        for result in layout.new_files(photo) {
            let other = source_by_result.insert(result.to_string_lossy().to_lowercase(), source);
            // A picture that cannot get a path, such as an SVG, has both results in one file. It fails by itself.
            if let Some(other) = other.filter(|other| *other != source && !is_listed) {
                clashes += &format!("\n  {} and {}: both {}", other.display(), source.display(), result.display());
                is_listed = true;
            }
        }
    }
    if !clashes.is_empty() {
        bail!(
            "several photos would be written to the same file; rename them, give another --output-name, or run the \
             command for each with another output folder:{clashes}"
        );
    }
    Ok(())
}

fn refuse_sources_as_results(photos: &[PhotoPlan], layout: &OutputLayout) -> anyhow::Result<()> {
    let sources: HashSet<PathBuf> = photos.iter().filter_map(|photo| fs::canonicalize(&photo.source).ok()).collect();
    for result in photos.iter().flat_map(|photo| layout.new_files(photo)) {
        // A result that does not exist yet is not a source.
        if fs::canonicalize(result).is_ok_and(|result| sources.contains(&result)) {
            bail!("{} is a source and would be overwritten; choose another output folder", result.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use cutline_core::Variation;
    use tempfile::TempDir;

    use super::super::names::ResultNames;
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

    fn plan(inputs: &[PathBuf], output: &Path, layout: &OutputLayout) -> anyhow::Result<Vec<PhotoPlan>> {
        plan_photos(&Inputs { paths: inputs.to_vec(), ..Inputs::default() }, output, layout)
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
        let photos = plan(&[folder.path().to_owned()], Path::new("out"), &single("webp", false)).expect("is planned");
        assert_eq!(
            names(&photos),
            [("a.png", "a.webp"), ("b.JPG", "b.webp"), ("c.tif", "c.webp"), ("d.jpg", "d.webp")]
        );
        let results: Vec<_> = photos.iter().map(|photo| photo.pictures[0].1.as_path()).collect();
        assert_eq!(results[3], Path::new("out/deeper/d.webp"));
    }

    #[test]
    fn results_keep_the_folders_unless_they_are_to_be_flat() {
        let folder = folder(&["a/1.jpg", "b/1.jpg", "b/2.jpg"]);
        let inputs = Inputs { paths: vec![folder.path().to_owned()], ..Inputs::default() };
        let layout = OutputLayout::Folder(vec![(Variation::Compose, "jpg")]);
        let photos = plan_photos(&inputs, Path::new("out"), &layout).expect("is planned");
        let results: Vec<_> = photos.iter().map(|photo| photo.pictures[0].1.display().to_string()).collect();
        assert_eq!(results, ["out/a/1/compose.jpg", "out/b/1/compose.jpg", "out/b/2/compose.jpg"]);
        let flat = Inputs { is_flat: true, ..inputs };
        let error = plan_photos(&flat, Path::new("out"), &layout).expect_err("is refused").to_string();
        assert!(error.contains("both out/1/compose.jpg"), "{error}");
    }

    #[test]
    fn standard_input_has_a_name_of_its_own() {
        let photos = plan(&["-".into()], Path::new("out"), &single("png", true)).expect("is planned");
        assert_eq!(photos[0].pictures[0].1, Path::new("out/stdin.png"));
        assert_eq!(photos[0].svg.as_deref(), Some(Path::new("out/stdin.svg")));
    }

    #[test]
    fn takes_a_file_of_any_name_and_only_once() {
        let folder = folder(&["photo", "dir/x.tar.png"]);
        let inputs = [folder.path().join("photo"), folder.path().join("dir/../photo"), folder.path().join("dir")];
        let photos = plan(&inputs, Path::new("out"), &single("png", false)).expect("is planned");
        assert_eq!(names(&photos), [("photo", "photo.png"), ("x.tar.png", "x.tar.png")]);
    }

    #[test]
    fn puts_the_results_of_a_set_into_a_folder_for_each_photo() {
        let folder = folder(&["a.jpg", "b/a.png"]);
        let layout = OutputLayout::Folder(vec![(Variation::Compose, "jpg"), (Variation::ShadowTop, "psd")]);
        let photos = plan(&[folder.path().join("a.jpg")], Path::new("out"), &layout).expect("is planned");
        let results: Vec<_> = photos[0].results().map(|file| file.display().to_string()).collect();
        assert_eq!(results, ["out/a/compose.jpg", "out/a/shadowTop.psd"]);
        let both = [folder.path().join("a.jpg"), folder.path().join("b")];
        let error = plan(&both, Path::new("out"), &layout).expect_err("is refused").to_string();
        assert!(error.contains("both out/a/compose.jpg"), "{error}");
    }

    #[test]
    fn results_stay_below_the_output_folder() {
        let folder = folder(&["...jpg", "..png"]);
        let layout = OutputLayout::Folder(vec![(Variation::Compose, "jpg")]);
        let photos = plan(&[folder.path().join("...jpg"), folder.path().join("..png")], Path::new("out"), &layout);
        let results: Vec<_> =
            photos.expect("is planned").iter().map(|photo| photo.pictures[0].1.display().to_string()).collect();
        assert_eq!(results, ["out/...jpg/compose.jpg", "out/..png/compose.jpg"]);
        let error = plan(&[folder.path().join(".")], folder.path(), &layout).expect_err("is refused").to_string();
        assert!(error.contains("is both a source and the output folder"), "{error}");
    }

    #[test]
    fn a_path_goes_next_to_its_photo_or_into_it() {
        use crate::cut::original::OriginalTarget;
        let folder = folder(&["a.jpg", "a-path.jpg", "b.tif"]);
        let plan = |target, inputs: &[PathBuf]| {
            let inputs = Inputs { paths: inputs.to_vec(), ..Inputs::default() };
            plan_photos(&inputs, Path::new("."), &OutputLayout::Original { target, svg: false })
        };
        let all = [folder.path().to_owned()];
        let next = plan(OriginalTarget::NextToPhoto, &all).expect("is planned");
        assert_eq!(names(&next), [("a.jpg", "a-path.jpg"), ("b.tif", "b-path.tif")], "results are no photos");
        let in_place = plan(OriginalTarget::InPlace, &all[..1]).expect("is planned");
        assert_eq!(names(&in_place), [("a.jpg", "a.jpg"), ("b.tif", "b.tif")]);
        let both = ["a.jpg", "a-path.jpg"].map(|name| folder.path().join(name));
        let error = plan(OriginalTarget::NextToPhoto, &both).expect_err("is refused").to_string();
        assert!(error.contains("a-path.jpg is a source"), "{error}");
    }

    #[test]
    fn a_path_as_svg_replaces_no_other() {
        use crate::cut::original::OriginalTarget;
        let folder = folder(&["a.jpg", "a.tif", "a-path.svg", "b.svg"]);
        let plan = |target, svg, names: [&str; 2]| {
            plan(&names.map(|name| folder.path().join(name)), Path::new("."), &OutputLayout::Original { target, svg })
        };
        for target in [OriginalTarget::NextToPhoto, OriginalTarget::InPlace] {
            plan(target, false, ["a.jpg", "a.tif"]).expect("each has a file of its own");
            let error = plan(target, true, ["a.jpg", "a.tif"]).expect_err("is refused").to_string();
            assert!(error.ends_with("a-path.svg") && error.lines().count() == 2, "{error}");
            let error = plan(target, true, ["a.jpg", "a-path.svg"]).expect_err("is refused").to_string();
            assert!(error.contains("a-path.svg is a source"), "{error}");
            plan(target, true, ["a.jpg", "b.svg"]).expect("a picture that gets no path stops no other");
        }
    }

    #[test]
    fn refuses_photos_with_the_same_stem() {
        let folder = folder(&["a.jpg", "sub/A.png"]);
        let error =
            plan(&[folder.path().join("a.jpg"), folder.path().join("sub")], Path::new("out"), &single("png", false));
        let error = error.expect_err("is refused").to_string();
        assert!(error.contains("a.jpg and ") && error.contains("A.png"), "{error}");
    }

    #[test]
    fn refuses_two_results_with_one_name() {
        let folder = folder(&["4711_front.jpg", "4711_back.jpg", "sub/4711_front.jpg"]);
        let named = |template: &str| OutputLayout::Named {
            names: ResultNames::of(template.parse().ok(), "(?<sku>[0-9]+)_(?<shot>front)".parse().ok(), None)
                .expect("is valid")
                .expect("has a template"),
            files: vec![(Variation::Compose, "jpg"), (Variation::Clipping, "psd")],
            svg: false,
        };
        let photos = plan(&[folder.path().to_owned()], Path::new("out"), &named("{external_id}"));
        let results: Vec<_> = photos.expect("is planned")[0].results().map(|file| file.display().to_string()).collect();
        assert_eq!(results, ["out/4711_back_compose.jpg", "out/4711_back_clipping.psd"]);
        let flat = Inputs { paths: vec![folder.path().to_owned()], is_flat: true, ..Inputs::default() };
        let error = plan_photos(&flat, Path::new("out"), &named("{external_id}")).expect_err("is refused").to_string();
        assert!(error.ends_with("both out/4711_compose.jpg") && error.lines().count() == 2, "{error}");
        let error =
            plan_photos(&flat, Path::new("out"), &named("{metadata.shot}")).expect_err("is refused").to_string();
        assert!(error.contains("lack what the output name needs") && error.lines().count() == 2, "{error}");
        assert!(error.ends_with("4711_back.jpg: metadata.shot"), "{error}");
    }

    #[test]
    fn never_overwrites_a_source() {
        let folder = folder(&["a.png"]);
        let error = plan(&[folder.path().join("a.png")], folder.path(), &single("png", false)).expect_err("is refused");
        assert!(error.to_string().contains("is a source"), "{error}");
        plan(&[folder.path().join("a.png")], folder.path(), &single("webp", false)).expect("has another name");
        fs::write(folder.path().join("a.svg"), "<svg/>").expect("is written");
        let inputs = [folder.path().join("a.svg")];
        plan(&inputs, folder.path(), &single("png", false)).expect("writes no path");
        let error = plan(&inputs, folder.path(), &single("webp", true)).expect_err("is refused");
        assert!(error.to_string().contains("a.svg is a source"), "{error}");
    }

    #[test]
    fn refuses_missing_files_and_folders_without_pictures() {
        let folder = folder(&["notes.txt"]);
        let missing =
            plan(&[folder.path().join("no.jpg")], Path::new("out"), &single("png", false)).expect_err("is refused");
        assert!(
            missing.to_string().starts_with("cannot read ") && missing.to_string().ends_with("no.jpg"),
            "{missing}"
        );
        let empty = plan(&[folder.path().to_owned()], Path::new("out"), &single("png", false)).expect_err("is refused");
        assert!(empty.to_string().contains("no pictures in"), "{empty}");
    }
}
