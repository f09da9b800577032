//! The folder for a run's results.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The output folder.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) folder: PathBuf,
    /// A folder in it, for files without a name yet. It is the run's own.
    pub(super) unfinished: PathBuf,
}

impl Output {
    /// Prepares the folder for a run, and removes what an earlier start left unfinished.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(super) fn open(folder: &Path, run: &str) -> anyhow::Result<Self> {
        let output = Self { folder: folder.to_owned(), unfinished: folder.join(format!(".cutline-{run}")) };
        output.remove_unfinished()?;
        let unfinished = &output.unfinished;
        fs::create_dir_all(unfinished).with_context(|| format!("cannot create {}", unfinished.display()))?;
        Ok(output)
    }

    fn remove_unfinished(&self) -> anyhow::Result<()> {
        match fs::remove_dir_all(&self.unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.unfinished.display()))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // The next start tries again.
        if let Err(error) = self.remove_unfinished() {
            tracing::warn!(error = format!("{error:#}"), "cannot remove unfinished downloads");
        }
    }
}
