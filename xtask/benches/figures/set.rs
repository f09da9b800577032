//! An external set of photographs with known mattes: a folder with `index.tsv` (columns `source`, `stem`, `gt_kind` and
//! others), `SOURCE/images/STEM.*` and `SOURCE/masks/STEM.*`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A photograph of the set.
pub(crate) struct Row {
    /// The collection that the photograph belongs to.
    pub(crate) source: String,
    /// The name of its files, without extension.
    pub(crate) stem: String,
    /// Whether the truth is a soft alpha rather than a hard mask.
    pub(crate) is_alpha: bool,
}

impl Row {
    pub(crate) fn image(&self, set: &Path) -> Result<PathBuf> {
        file_with_stem(&set.join(&self.source).join("images"), &self.stem)
    }

    pub(crate) fn mask(&self, set: &Path) -> Result<PathBuf> {
        file_with_stem(&set.join(&self.source).join("masks"), &self.stem)
    }
}

/// The photographs of a set.
pub(crate) fn rows(set: &Path) -> Result<Vec<Row>> {
    let path = set.join("index.tsv");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column =
        |name| names.iter().position(|other| *other == name).with_context(|| format!("index.tsv has no column {name}"));
    let (source, stem, kind) = (column("source")?, column("stem")?, column("gt_kind")?);
    let rows = lines.map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let field =
            |column: usize| fields.get(column).copied().with_context(|| format!("index.tsv has a short line: {line}"));
        Ok(Row { source: field(source)?.into(), stem: field(stem)?.into(), is_alpha: field(kind)? == "alpha" })
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    ensure!(!rows.is_empty(), "{} lists no photograph", path.display());
    Ok(rows)
}

/// The file with this stem.
fn file_with_stem(folder: &Path, stem: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let found = paths.find(|path| path.file_stem().is_some_and(|other| other == stem));
    found.with_context(|| format!("no file {stem} in {}", folder.display()))
}
