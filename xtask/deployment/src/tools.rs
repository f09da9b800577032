//! The programs that a deployment needs, and where they are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Programs and models, found by `cargo xtask`, which passes their paths on in environment variables.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Python with moto and the SAM CLI: `CUTLINE_TEST_PYTHON`.
    pub python: PathBuf,
    /// AWS's Lambda Runtime Interface Emulator: `CUTLINE_TEST_LAMBDA_EMULATOR`.
    pub lambda_emulator: PathBuf,
    /// The folder of the models: `CUTLINE_MODELS_DIR`.
    pub models: PathBuf,
}

impl Tools {
    /// Reads the environment.
    ///
    /// # Errors
    /// If a variable is missing.
    pub fn from_env() -> Result<Self> {
        let path = |variable: &str| {
            let value = std::env::var_os(variable).map(PathBuf::from);
            value.with_context(|| format!("{variable} is not set: start this program with `cargo xtask`"))
        };
        Ok(Self {
            python: path("CUTLINE_TEST_PYTHON")?,
            lambda_emulator: path("CUTLINE_TEST_LAMBDA_EMULATOR")?,
            models: path("CUTLINE_MODELS_DIR")?,
        })
    }
}

/// The workspace's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// A program of the workspace, in the folder of the running one. That of a test is in `deps` below it.
///
/// # Errors
/// If the program is not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find the running program")?;
    let folder = this.parent().context("the running program has no folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join(name);
    ensure!(
        program.exists(),
        "{} is not built; run `cargo build --release --workspace --exclude cutline-heic`",
        program.display()
    );
    Ok(program)
}
