//! The settings and tools of a measurement.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

/// The settings of a run.
pub(crate) struct Setup {
    /// The folder of the models.
    pub(crate) models: PathBuf,
    /// The duration of each load, in seconds.
    pub(crate) seconds: u64,
    /// A set of photographs with known mattes; see [`crate::set`].
    pub(crate) eval: Option<PathBuf>,
    /// A Python with the packages of the set's scorer.
    pub(crate) score_python: Option<PathBuf>,
    /// A Python with the library that clicks are compared with.
    pub(crate) clicks_python: Option<PathBuf>,
    /// A Python with the libraries that the image pipeline is compared with.
    pub(crate) imaging_python: Option<PathBuf>,
    /// A Python with the runtimes that the engine is compared with.
    pub(crate) engine_python: Option<PathBuf>,
    /// Node.js, for the pages.
    pub(crate) node: Option<PathBuf>,
    /// Whether to report the time of each layer of the networks.
    pub(crate) profile: bool,
}

impl Setup {
    /// Reads the arguments of `cargo xtask bench`: names of figures, and settings as `--name value`. Returns the names
    /// too.
    pub(crate) fn from_arguments(arguments: Vec<String>) -> Result<(Self, Vec<String>)> {
        let models = std::env::var_os("CUTLINE_MODELS_DIR");
        let models = models.context("CUTLINE_MODELS_DIR is not set; run `cargo xtask bench`")?.into();
        let mut setup = Self {
            models,
            seconds: 60,
            eval: None,
            score_python: None,
            clicks_python: None,
            imaging_python: None,
            engine_python: None,
            node: None,
            profile: false,
        };
        let mut figures = Vec::new();
        // cargo adds `--bench`.
        let mut arguments = arguments.into_iter().filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--seconds" => setup.seconds = value()?.parse().context("--seconds must be a number")?,
                "--eval" => setup.eval = Some(value()?.into()),
                "--score-python" => setup.score_python = Some(value()?.into()),
                "--clicks-python" => setup.clicks_python = Some(value()?.into()),
                "--imaging-python" => setup.imaging_python = Some(value()?.into()),
                "--engine-python" => setup.engine_python = Some(value()?.into()),
                "--node" => setup.node = Some(value()?.into()),
                "--profile" => setup.profile = true,
                _ => figures.push(argument),
            }
        }
        Ok((setup, figures))
    }

    /// A program of the workspace.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.program_path(name))
    }

    /// The path of a program of the workspace.
    pub(crate) fn program_path(&self, name: &str) -> PathBuf {
        cutline_deployment::program(name)
            .unwrap_or_else(|_| cutline_deployment::root().join("target/release").join(name))
    }
}
