//! The workspace: its folder, cargo in it, its programs and its models.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps::run_program;

/// What every build selects: all but the crate that needs libheif, with the features that need nothing of the machine.
pub(crate) const SELECTION: [&str; 6] =
    ["--workspace", "--exclude", "cutline-heic", "--features", "cutline-cli/aws,cutline-core/testing", "--locked"];

/// The arguments of every build. Tests, figures and programs share them, so that they share their dependencies.
pub(crate) const BUILD: [&str; 7] = {
    let [workspace, exclude, heic, features, names, locked] = SELECTION;
    ["--release", workspace, exclude, heic, features, names, locked]
};

/// The same, and the crate that needs libheif.
pub(crate) const BUILD_WITH_HEIC: [&str; 5] = {
    let [workspace, _, _, features, names, locked] = SELECTION;
    ["--release", workspace, features, names, locked]
};

/// The beginnings of the variables in which cargo describes the package of a running program.
const PACKAGE_VARIABLES: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The workspace's root folder. Every path in this program starts there.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// cargo, in the workspace's root, as if it were called from a shell.
///
/// cargo describes this program in variables. Build scripts of dependencies look at the same variables, so with them a
/// build by this program and one from a shell would each compile most dependencies again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| PACKAGE_VARIABLES.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}

/// A program of this workspace, from the folder of the running one.
pub(crate) fn program(name: &str) -> Result<Command> {
    let this = env::current_exe().context("cannot find the running program")?;
    Ok(Command::new(this.with_file_name(name)))
}

/// Fetches the models unless they are cached, and returns their folder.
pub(crate) fn fetch_models() -> Result<PathBuf> {
    let folder = match env::var_os("CUTLINE_MODELS_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => cache_folder()?.join("cutline/models"),
    };
    let folder = std::path::absolute(folder).context("cannot resolve the models' folder")?;
    run_program(program("cutline")?.args(["models", "fetch", "--dir"]).arg(&folder))?;
    Ok(folder)
}

fn cache_folder() -> Result<PathBuf> {
    if let Some(cache) = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(cache));
    }
    let home = env::var_os("HOME").context("no cache folder: HOME is not set; set CUTLINE_MODELS_DIR")?;
    Ok(PathBuf::from(home).join(".cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_and_the_minimum_version_select_the_same() {
        for file in [".ci/run", ".github/workflows/ci.yml"] {
            let text = std::fs::read_to_string(root().join(file)).expect("is a file");
            assert!(text.contains(&SELECTION.join(" ")), "{file} lacks `{}`", SELECTION.join(" "));
            assert!(!text.contains("--all-features"), "{file}: all features need libheif");
        }
    }

    #[test]
    fn cargo_knows_nothing_of_this_package() {
        let cargo = cargo();
        let removed: Vec<_> = cargo.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        // cargo runs this test, so the variables are there.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            assert!(removed.iter().any(|removed| *removed == name), "{name} is in {removed:?}");
        }
    }
}
