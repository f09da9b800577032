//! The programs of both releases, and the folder for logs and data.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cutline_deployment::{Tools, program, root};

/// The programs of a release.
pub(crate) struct Release {
    /// The folder of its programs.
    programs: PathBuf,
    /// The folder of its models.
    pub(crate) models: PathBuf,
}

impl Release {
    /// The previous release. `CUTLINE_TEST_PREVIOUS_PROGRAMS` and `CUTLINE_TEST_PREVIOUS_MODELS` name its folders.
    pub(crate) fn previous() -> Result<Self> {
        let programs = variable("CUTLINE_TEST_PREVIOUS_PROGRAMS")?.into();
        Ok(Self { programs, models: variable("CUTLINE_TEST_PREVIOUS_MODELS")?.into() })
    }

    /// This release.
    pub(crate) fn this() -> Result<Self> {
        let programs = program("cutline")?.parent().map(Path::to_owned).context("cutline has no folder")?;
        Ok(Self { programs, models: Tools::from_env()?.models })
    }

    /// The path of one of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// The version and the commit of the previous release: `CUTLINE_TEST_PREVIOUS_VERSION`, `CUTLINE_TEST_PREVIOUS_COMMIT`.
pub(crate) fn previous_version() -> Result<(String, String)> {
    let text = |name: &str| variable(name)?.into_string().ok().with_context(|| format!("{name} is not UTF-8"));
    Ok((text("CUTLINE_TEST_PREVIOUS_VERSION")?, text("CUTLINE_TEST_PREVIOUS_COMMIT")?))
}

fn variable(name: &str) -> Result<OsString> {
    std::env::var_os(name).with_context(|| format!("{name} is not set: start this program with `cargo xtask`"))
}

/// A new, empty folder for the logs and the data of a run.
pub(crate) fn empty_folder(name: &str) -> Result<PathBuf> {
    let folder = root().join("target/tools/upgrades").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
