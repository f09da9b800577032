//! The data folder of the server and the key commands.

use std::path::PathBuf;

use anyhow::Context;

use crate::shell::quoted;
use crate::user_folder::in_user_folder;

/// The data folder.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataArgs {
    /// Folder of jobs, keys and files, on a local disk; created if missing.
    /// [default: cutline/ in the user's data folder, ~/.local/share]
    #[arg(id = "data", long = "data", env = "CUTLINE_DATA_DIR", hide_env_values = true, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl DataArgs {
    /// The folder from the command line, or the default.
    ///
    /// # Errors
    /// If the name is empty, or the user has no home folder.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        match &self.folder {
            Some(folder) if folder.as_os_str().is_empty() => {
                anyhow::bail!("empty data folder: --data (CUTLINE_DATA_DIR); name a folder")
            }
            Some(folder) => Ok(folder.clone()),
            None => in_user_folder("XDG_DATA_HOME", ".local/share")
                .context("no home folder for the data; name a folder with --data or CUTLINE_DATA_DIR"),
        }
    }

    /// The flag that makes another command use the same folder, with a leading space; empty for the default folder.
    pub(crate) fn as_flag(&self) -> String {
        match &self.folder {
            Some(folder) => format!(" --data {}", quoted(&folder.display().to_string())),
            None => String::new(),
        }
    }
}
