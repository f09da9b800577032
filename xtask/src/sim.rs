//! `cargo xtask sim`: builds the simulation of `core`, and runs it with these arguments.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace::{BUILD, cargo};

/// Runs `[OPTION]...`; the simulation reads them.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let mut command = cargo();
    // The settings of the tests, so that both share one build. The profile of benchmarks is the one for releases.
    command.arg("bench").args(BUILD.into_iter().filter(|argument| *argument != "--release"));
    command.args(["--quiet", "--bench", "simulation", "--"]).args(arguments);
    let status = command.status().context("cannot run the simulation")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
