//! Where things lie unless they are told to lie elsewhere.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where jobs, keys and files are kept.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataArgs {
    /// Folder of jobs, keys and files; made if there is none. It has to be on a local disk.
    /// [default: cutline/ in the user's data folder, ~/.local/share]
    #[arg(id = "data", long = "data", env = "CUTLINE_DATA_DIR", hide_env_values = true, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl DataArgs {
    /// The folder that was named, or the default one.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        match &self.folder {
            Some(folder) if folder.as_os_str().is_empty() => anyhow::bail!("--data (CUTLINE_DATA_DIR) is empty"),
            Some(folder) => Ok(folder.clone()),
            None => in_user_folder("XDG_DATA_HOME", ".local/share")
                .context("there is no home folder to keep data in; name one with --data or CUTLINE_DATA_DIR"),
        }
    }

    /// What to add to another command so that it uses the same folder.
    pub(crate) fn as_flag(&self) -> String {
        match &self.folder {
            Some(folder) => format!(" --data {}", crate::keys::quoted(&folder.display().to_string())),
            None => String::new(),
        }
    }
}

/// `cutline` in the folder that `variable` names, or in `otherwise` in the user's home.
pub(crate) fn in_user_folder(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.or_else(|| std::env::home_dir().map(|home| home.join(Path::new(otherwise))))?;
    Some(base.join("cutline"))
}
