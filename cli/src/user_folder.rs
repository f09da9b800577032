//! The user's data and cache folders, by the XDG base directory specification.

use std::path::PathBuf;

/// `cutline` in the folder that the environment variable names, otherwise in `default` in the user's home. A relative
/// path in the variable is ignored, as the specification demands.
pub(crate) fn in_user_folder(variable: &str, default: &str) -> Option<PathBuf> {
    let from_env = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = from_env.or_else(|| std::env::home_dir().map(|home| home.join(default)))?;
    Some(base.join("cutline"))
}
