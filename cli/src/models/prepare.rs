//! Preparing models: writing them in the form that loads fastest.

use std::fs;
use std::path::Path;

use anyhow::Context;
use indicatif::MultiProgress;

use super::catalog::{self, CatalogEntry};
use super::fetch;

/// Whether all models in a folder are prepared. Takes less than a millisecond, so every start can ask.
pub(super) fn all_prepared(folder: &Path) -> bool {
    catalog::ALL.iter().all(|entry| entry.model.is_prepared(folder))
}

/// Prepares the models that are not prepared yet, in their folder. A failure, for example in a read-only folder, is only
/// logged: without prepared models every start takes some tenths of a second longer.
pub(super) fn prepare_missing(folder: &Path) {
    if let Err(error) = prepare_where(folder, |entry| !entry.model.is_prepared(folder)) {
        tracing::warn!(error = format!("{error:#}"), "cannot prepare the models; every start will be slower");
    }
}

/// Prepares all models in their folder, also those that are prepared already.
///
/// # Errors
/// If a model is damaged, or the folder cannot be written to.
pub(super) fn prepare_again(folder: &Path) -> anyhow::Result<()> {
    prepare_where(folder, |_| true)
}

fn prepare_where(folder: &Path, is_due: impl Fn(&CatalogEntry) -> bool) -> anyhow::Result<()> {
    // Another process may be preparing or fetching them.
    let _lock = fetch::lock(folder, &MultiProgress::new())?;
    fetch::remove_leftovers(folder)?;
    for entry in catalog::ALL.iter().filter(|entry| is_due(entry)) {
        entry.model.prepare(folder, folder)?;
    }
    Ok(())
}

/// Writes the prepared models of `folder`, with their licenses, into the folder `to`.
///
/// # Errors
/// If a model is damaged, or `to` cannot be written to.
pub(super) fn prepare_into(folder: &Path, to: &Path) -> anyhow::Result<()> {
    let cannot_write = || format!("cannot write {}", to.display());
    fs::create_dir_all(to).with_context(cannot_write)?;
    fetch::remove_leftovers(to)?;
    for CatalogEntry { model, notice, .. } in &catalog::ALL {
        // The license goes first, so that the model never exists without it.
        fs::write(fetch::license_path(to, model), notice()).with_context(cannot_write)?;
        model.prepare(folder, to)?;
    }
    Ok(())
}
