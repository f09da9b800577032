//! A set of photographs with known mattes, which is given from outside: a folder with `index.tsv` (columns `source`,
//! `stem` and `gt_kind` among others), `SOURCE/images/STEM.*` and `SOURCE/masks/STEM.*`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A photograph of the set.
pub(crate) struct Row {
    /// Where it is from.
    pub(crate) source: String,
    /// The name of its files.
    pub(crate) stem: String,
    /// Whether the truth is an alpha, and not a hard outline.
    pub(crate) is_alpha: bool,
}

impl Row {
    pub(crate) fn image(&self, set: &Path) -> Result<PathBuf> {
        named(&set.join(&self.source).join("images"), &self.stem)
    }

    pub(crate) fn mask(&self, set: &Path) -> Result<PathBuf> {
        named(&set.join(&self.source).join("masks"), &self.stem)
    }
}

/// The photographs of a set.
pub(crate) fn rows(set: &Path) -> Result<Vec<Row>> {
    let path = set.join("index.tsv");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name| names.iter().position(|other| *other == name).with_context(|| format!("no column {name}"));
    let (source, stem, kind) = (column("source")?, column("stem")?, column("gt_kind")?);
    let rows = lines.map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |column: usize| fields.get(column).copied().with_context(|| format!("a short line: {line}"));
        Ok(Row { source: field(source)?.into(), stem: field(stem)?.into(), is_alpha: field(kind)? == "alpha" })
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    ensure!(!rows.is_empty(), "{} names no picture", path.display());
    Ok(rows)
}

/// The file of that stem.
fn named(folder: &Path, stem: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("looking into {}", folder.display()))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let found = paths.find(|path| path.file_stem().is_some_and(|other| other == stem));
    found.with_context(|| format!("there is no {stem} in {}", folder.display()))
}
