//! The pictures in a folder and its subfolders.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use cutline_core::domain::kind::ImageKind;
use glob::{MatchOptions, Pattern, PatternError};

/// Extensions of pictures that are not supported. In a folder such files are reported and not ignored.
const UNSUPPORTED_EXTENSIONS: [&str; 12] =
    ["bmp", "jxl", "jp2", "dng", "nef", "cr2", "cr3", "arw", "raf", "orf", "rw2", "eps"];
/// How deep folders may nest.
const MAX_DEPTH: usize = 64;

/// Which files of a folder are taken.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FilterArgs {
    /// From folders, take only files that match this pattern. A pattern with a slash is matched with the path below the
    /// folder, any other with the file's name: `*_01.jpg`, `2026/**/*.tif`. May be repeated.
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    include: Vec<Pattern>,

    /// From folders, leave out files and folders that match this pattern. May be repeated, and wins over --include.
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    exclude: Vec<Pattern>,
}

fn pattern(text: &str) -> Result<Pattern, PatternError> {
    Pattern::new(text.trim_end_matches('/'))
}

impl FilterArgs {
    /// Whether nothing is left out.
    pub(crate) fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// The patterns as text.
    pub(crate) fn shown(&self) -> [String; 2] {
        [&self.include, &self.exclude]
            .map(|patterns| patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(" "))
    }

    /// Whether a file is taken, by its path below the folder.
    pub(crate) fn takes(&self, below: &Path) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| matches(pattern, below))) && !self.excludes(below)
    }

    fn excludes(&self, below: &Path) -> bool {
        self.exclude.iter().any(|pattern| matches(pattern, below))
    }
}

fn matches(pattern: &Pattern, below: &Path) -> bool {
    let options = MatchOptions { case_sensitive: false, require_literal_separator: true, ..MatchOptions::new() };
    if pattern.as_str().contains('/') {
        return pattern.matches_path_with(below, options);
    }
    below.file_name().is_some_and(|name| pattern.matches_path_with(Path::new(name), options))
}

/// The paths, below `folder`, of the files that are pictures by their extension, sorted. Hidden files and folders are
/// ignored, and so are folders behind symbolic links, `skipped` and what the filter leaves out.
pub(crate) fn pictures_in(folder: &Path, skipped: &Path, filter: &FilterArgs) -> std::io::Result<Vec<PathBuf>> {
    let mut search = Search { folder, skipped: fs::canonicalize(skipped).ok(), filter, pictures: Vec::new() };
    search.visit(Path::new(""), 0)?;
    search.pictures.sort();
    Ok(search.pictures)
}

struct Search<'a> {
    folder: &'a Path,
    skipped: Option<PathBuf>,
    filter: &'a FilterArgs,
    pictures: Vec<PathBuf>,
}

impl Search<'_> {
    fn visit(&mut self, below: &Path, depth: usize) -> std::io::Result<()> {
        for entry in fs::read_dir(self.folder.join(below))? {
            let entry = entry?;
            let below = below.join(entry.file_name());
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                if depth < MAX_DEPTH && !self.filter.excludes(&below) && !self.is_skipped(&entry.path()) {
                    self.visit(&below, depth + 1)?;
                }
            } else if has_picture_extension(&below) && self.filter.takes(&below) && entry.path().is_file() {
                self.pictures.push(below);
            }
        }
        Ok(())
    }

    fn is_skipped(&self, folder: &Path) -> bool {
        self.skipped.is_some() && fs::canonicalize(folder).ok() == self.skipped
    }
}

/// Refuses a source whose results would go into itself, where the next run would take them for pictures.
pub(crate) fn refuse_as_output(source: &Path, output: &Path) -> anyhow::Result<()> {
    ensure!(
        !is_same_folder(source, output),
        "{} is both a source and the output folder; choose another output folder",
        source.display()
    );
    Ok(())
}

/// Whether two paths lead to the same folder. A missing folder equals no other.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// The name of a file without its extension, or with it if nothing else names a file: the stem of `...jpg` is `..`. Empty
/// if the path has no name.
pub(crate) fn stem_of(path: &Path) -> OsString {
    let is_name = |stem: &&OsStr| !stem.is_empty() && *stem != "." && *stem != "..";
    path.file_stem().filter(is_name).or(path.file_name()).unwrap_or_default().to_owned()
}

/// Whether a file is a picture by its extension, supported or not.
pub(crate) fn has_picture_extension(path: &Path) -> bool {
    let supported = ImageKind::ALL.iter().flat_map(|kind| kind.info().extensions);
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| {
        supported.chain(&UNSUPPORTED_EXTENSIONS).any(|one| one.eq_ignore_ascii_case(extension))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> FilterArgs {
        let patterns = |texts: &[&str]| texts.iter().map(|text| pattern(text).expect("is a pattern")).collect();
        FilterArgs { include: patterns(include), exclude: patterns(exclude) }
    }

    fn pictures(filter: &FilterArgs) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        for file in ["a_01.jpg", "a_02.JPG", "x/b_01.tif", "x/y/c.png", "out/a.png", ".git/d.jpg", "x/notes.txt"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
            fs::write(path, "x").expect("is written");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), folder.path().join("x/loop")).expect("is linked");
        let found = pictures_in(folder.path(), &folder.path().join("out"), filter).expect("is read");
        found.iter().map(|path| path.to_string_lossy().replace('\\', "/")).collect()
    }

    #[test]
    fn searches_subfolders_but_not_the_output_hidden_ones_or_links() {
        assert_eq!(pictures(&filter(&[], &[])), ["a_01.jpg", "a_02.JPG", "x/b_01.tif", "x/y/c.png"]);
    }

    #[test]
    fn patterns_select_names_and_paths() {
        assert_eq!(pictures(&filter(&["*_01.*"], &[])), ["a_01.jpg", "x/b_01.tif"]);
        assert_eq!(pictures(&filter(&["*.jpg"], &[])), ["a_01.jpg", "a_02.JPG"]);
        assert_eq!(pictures(&filter(&["x/**/*"], &["*.tif"])), ["x/y/c.png"]);
        assert_eq!(pictures(&filter(&["x/*"], &[])), ["x/b_01.tif"]);
        assert_eq!(pictures(&filter(&[], &["x/"])), ["a_01.jpg", "a_02.JPG"]);
        assert!(pattern("[").is_err());
    }
}
