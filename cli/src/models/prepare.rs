//! Models in the form that starts fastest.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::catalogue::{self, Entry};

/// Whether all models are prepared in a folder. It is asked at every start, and takes less than a millisecond.
pub(super) fn all_done(folder: &Path) -> bool {
    catalogue::ALL.iter().all(|entry| entry.model.is_prepared(folder))
}

/// Prepares the models of a folder there, if they are not. A folder that cannot be written to stays as it is: then every
/// start takes some tenths of a second longer.
pub(super) fn in_place(folder: &Path) {
    for Entry { model, .. } in &catalogue::ALL {
        if !model.is_prepared(folder)
            && let Err(error) = model.prepare(folder, folder)
        {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!("{} was not prepared for a fast start: {error}: {cause}", model.name);
        }
    }
}

/// Prepares the models of a folder in another, with their licences.
///
/// # Errors
/// If one of the models is damaged, or the other folder cannot be written to.
pub(super) fn into(folder: &Path, to: &Path) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", to.display());
    fs::create_dir_all(to).with_context(cannot)?;
    for Entry { model, notice, .. } in &catalogue::ALL {
        let licence = Path::new(model.file).with_extension("LICENSE.txt");
        // First, so that the model is never there without it.
        fs::write(to.join(licence), notice()).with_context(cannot)?;
        model.prepare(folder, to)?;
    }
    Ok(())
}
