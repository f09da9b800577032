//! Which pictures are cut out, and where each result goes. Every fault of the whole is found here, before
//! any work.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cutline_core::Variation;

/// A picture and its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The photograph.
    pub(super) source: PathBuf,
    /// Where its results go, by variation.
    pub(super) targets: Vec<(Variation, PathBuf)>,
    /// Where its path goes as SVG, if that is wanted.
    pub(super) path: Option<PathBuf>,
}

/// How results are called.
#[derive(Debug, Clone)]
pub(super) enum Names {
    /// One a picture, by its stem.
    Single {
        /// Which one.
        variation: Variation,
        /// The ending of its file.
        extension: &'static str,
        /// Whether the path stands beside it, as SVG.
        svg: bool,
    },
    /// Several a picture, by variation, in a folder by its stem.
    Folder(Vec<(Variation, &'static str)>),
}

/// The endings by which files of a folder are taken for pictures. Those of kinds that are not read are
/// among them: such a file is reported, not passed over.
const PICTURES: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "avif", "heic", "heif", "tif", "tiff", "psd", "psb", "svg",
    "bmp",
];

/// The pictures that `inputs` name, those of a folder in the order of their names, and for each its results
/// in `output`.
///
/// # Errors
/// If an input is missing, a folder has no picture or is where the results go, two results would have the same name, or a result would
/// take the place of a source.
pub(super) fn plan(inputs: &[PathBuf], output: &Path, names: &Names) -> anyhow::Result<Vec<Item>> {
    let mut sources = Vec::new();
    for input in inputs {
        let data = fs::metadata(input).with_context(|| format!("{} cannot be read", input.display()))?;
        if data.is_dir() {
            if is_same(input, output) {
                bail!("{} is both a source and the output folder; choose another output folder", input.display());
            }
            let pictures = pictures_in(input).with_context(|| format!("{} cannot be read", input.display()))?;
            if pictures.is_empty() {
                bail!("there is no picture in {}", input.display());
            }
            sources.extend(pictures);
        } else {
            sources.push(input.clone());
        }
    }
    let items = distinct(sources)?.into_iter().map(|source| {
        let stem = source.file_stem().unwrap_or_default().to_owned();
        let named = |ending: &str| {
            let mut name = stem.clone();
            name.push(".");
            name.push(ending);
            output.join(name)
        };
        let (targets, path) = match names {
            Names::Single { variation, extension, svg } => {
                (vec![(*variation, named(extension))], svg.then(|| named("svg")))
            }
            Names::Folder(files) => {
                let file = |(variation, extension): &(Variation, &str)| {
                    let name = format!("{}.{extension}", variation.as_str());
                    (*variation, output.join(&stem).join(name))
                };
                (files.iter().map(file).collect(), None)
            }
        };
        Item { source, targets, path }
    });
    let items: Vec<Item> = items.collect();
    refuse_shared_targets(&items)?;
    refuse_sources_as_targets(&items)?;
    Ok(items)
}

/// Whether two paths lead to the same place. What is not there is no other place's.
fn is_same(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

fn pictures_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if ending.is_some_and(|ending| PICTURES.contains(&ending.as_str())) && !hidden && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Each file once, however often and by whatever path it is named.
fn distinct(sources: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for source in sources {
        let real = fs::canonicalize(&source).with_context(|| format!("{} cannot be read", source.display()))?;
        if seen.insert(real) {
            kept.push(source);
        }
    }
    Ok(kept)
}

/// Names that differ in case alone are the same file on many systems.
fn refuse_shared_targets(items: &[Item]) -> anyhow::Result<()> {
    let mut by_target: HashMap<String, &Path> = HashMap::new();
    let mut clashes = String::new();
    // What two pictures have in common they have in all their results; one of them tells it.
    let firsts = items.iter().filter_map(|item| Some((&item.source, &item.targets.first()?.1)));
    for (source, target) in firsts {
        let key = target.to_string_lossy().to_lowercase();
        if let Some(other) = by_target.insert(key, source) {
            clashes += &format!("\n  {} and {}: both {}", other.display(), source.display(), target.display());
        }
    }
    if !clashes.is_empty() {
        bail!(
            "these would be written to the same file; rename one, or cut them out one by one into different folders:{clashes}"
        );
    }
    Ok(())
}

fn refuse_sources_as_targets(items: &[Item]) -> anyhow::Result<()> {
    let sources: HashSet<PathBuf> = items.iter().filter_map(|item| fs::canonicalize(&item.source).ok()).collect();
    let targets = |item: &'_ Item| -> Vec<PathBuf> {
        item.targets.iter().map(|(_, target)| target).chain(&item.path).cloned().collect()
    };
    for target in items.iter().flat_map(targets) {
        // A target that is not there yet is no source.
        if fs::canonicalize(&target).is_ok_and(|target| sources.contains(&target)) {
            bail!("{} is a source; choose another output folder", target.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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

    fn single(extension: &'static str, svg: bool) -> Names {
        Names::Single { variation: Variation::Background, extension, svg }
    }

    fn names(items: &[Item]) -> Vec<(&str, &str)> {
        let name =
            |path: &'_ Path| path.file_name().and_then(OsStr::to_str).expect("has a name").to_owned().leak() as &str;
        items.iter().map(|item| (name(&item.source), name(&item.targets[0].1))).collect()
    }

    #[test]
    fn a_folder_gives_its_pictures_in_order_and_nothing_else() {
        let folder = folder(&["b.JPG", "a.png", "c.tif", "notes.txt", ".hidden.jpg", "deeper/d.jpg"]);
        let items = plan(&[folder.path().to_owned()], Path::new("out"), &single("webp", false)).expect("is planned");
        assert_eq!(names(&items), [("a.png", "a.webp"), ("b.JPG", "b.webp"), ("c.tif", "c.webp")]);
    }

    #[test]
    fn a_file_is_taken_whatever_its_name_and_only_once() {
        let folder = folder(&["photo", "dir/x.tar.png"]);
        let inputs = [folder.path().join("photo"), folder.path().join("dir/../photo"), folder.path().join("dir")];
        let items = plan(&inputs, Path::new("out"), &single("png", false)).expect("is planned");
        assert_eq!(names(&items), [("photo", "photo.png"), ("x.tar.png", "x.tar.png")]);
    }

    #[test]
    fn the_results_of_a_set_lie_in_a_folder_a_picture() {
        let folder = folder(&["a.jpg", "b/a.png"]);
        let names = Names::Folder(vec![(Variation::Compose, "jpg"), (Variation::ShadowTop, "psd")]);
        let items = plan(&[folder.path().join("a.jpg")], Path::new("out"), &names).expect("is planned");
        let targets: Vec<_> = items[0].targets.iter().map(|(_, target)| target.display().to_string()).collect();
        assert_eq!(targets, ["out/a/compose.jpg", "out/a/shadowTop.psd"]);
        let both = [folder.path().join("a.jpg"), folder.path().join("b")];
        let error = plan(&both, Path::new("out"), &names).expect_err("is refused").to_string();
        assert!(error.contains("both out/a/compose.jpg"), "{error}");
    }

    #[test]
    fn two_pictures_of_one_stem_are_refused_by_name() {
        let folder = folder(&["a.jpg", "sub/A.png"]);
        let error =
            plan(&[folder.path().join("a.jpg"), folder.path().join("sub")], Path::new("out"), &single("png", false));
        let error = error.expect_err("is refused").to_string();
        assert!(error.contains("a.jpg and ") && error.contains("A.png"), "{error}");
    }

    #[test]
    fn a_source_is_never_a_target() {
        let folder = folder(&["a.png"]);
        let error = plan(&[folder.path().join("a.png")], folder.path(), &single("png", false)).expect_err("is refused");
        assert!(error.to_string().contains("is a source"), "{error}");
        plan(&[folder.path().join("a.png")], folder.path(), &single("webp", false)).expect("has another name");
        fs::write(folder.path().join("a.svg"), "<svg/>").expect("is written");
        let inputs = [folder.path().join("a.svg")];
        plan(&inputs, folder.path(), &single("png", false)).expect("its path is not wanted");
        let error = plan(&inputs, folder.path(), &single("webp", true)).expect_err("is refused");
        assert!(error.to_string().contains("a.svg is a source"), "{error}");
    }

    #[test]
    fn what_is_missing_or_empty_is_told() {
        let folder = folder(&["notes.txt"]);
        let missing =
            plan(&[folder.path().join("no.jpg")], Path::new("out"), &single("png", false)).expect_err("is refused");
        assert!(missing.to_string().contains("no.jpg cannot be read"), "{missing}");
        let empty = plan(&[folder.path().to_owned()], Path::new("out"), &single("png", false)).expect_err("is refused");
        assert!(empty.to_string().contains("there is no picture in"), "{empty}");
    }
}
