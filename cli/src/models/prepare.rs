//! Models in the form that starts fastest.

use std::fs;
use std::path::Path;

use anyhow::Context;
use indicatif::MultiProgress;

use super::catalogue::{self, Entry};
use super::fetch;

/// Whether all models are prepared in a folder. It is asked at every start, and takes less than a millisecond.
pub(super) fn all_done(folder: &Path) -> bool {
    catalogue::ALL.iter().all(|entry| entry.model.is_prepared(folder))
}

/// Prepares the models of a folder there, if they are not. A folder that cannot be written to stays as it is: then every
/// start takes some tenths of a second longer.
pub(super) fn in_place(folder: &Path) {
    if let Err(error) = some(folder, |entry| !entry.model.is_prepared(folder)) {
        tracing::warn!("the models were not prepared for a fast start: {error:#}");
    }
}

/// Prepares the models of a folder there, whether they are or not.
///
/// # Errors
/// If one of the models is damaged, or the folder cannot be written to.
pub(super) fn again(folder: &Path) -> anyhow::Result<()> {
    some(folder, |_| true)
}

fn some(folder: &Path, wanted: impl Fn(&Entry) -> bool) -> anyhow::Result<()> {
    // Another process may be at it, or be fetching one of them.
    let _lock = fetch::lock(folder, &MultiProgress::new())?;
    fetch::clear(folder)?;
    for entry in catalogue::ALL.iter().filter(|entry| wanted(entry)) {
        entry.model.prepare(folder, folder)?;
    }
    Ok(())
}

/// Prepares the models of a folder in another, with their licences.
///
/// # Errors
/// If one of the models is damaged, or the other folder cannot be written to.
pub(super) fn into(folder: &Path, to: &Path) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", to.display());
    fs::create_dir_all(to).with_context(cannot)?;
    // Of one that was killed.
    fetch::clear(to)?;
    for Entry { model, notice, .. } in &catalogue::ALL {
        let licence = Path::new(model.file).with_extension("LICENSE.txt");
        // First, so that the model is never there without it.
        fs::write(to.join(licence), notice()).with_context(cannot)?;
        model.prepare(folder, to)?;
    }
    Ok(())
}
