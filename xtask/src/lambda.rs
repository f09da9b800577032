//! `cargo xtask lambda`: prepares what the program `cutline-deployment` needs, and becomes that program.

use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::steps::run_program;
use crate::tools::Tools;
use crate::workspace::{BUILD, cargo, fetch_models, program};

/// The program of the crate `xtask/deployment`.
const PROGRAM: &str = "cutline-deployment";

/// Runs `up`, `invoke`, `drop` or `down`. Returns only if that fails.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let mut command = program(PROGRAM)?;
    let is_help = arguments.iter().any(|argument| argument == "-h" || argument == "--help");
    if arguments.first().is_some_and(|first| first == "up") && !is_help {
        let tools = Tools::for_tests()?;
        // With a test, so that dependencies have the features, and the builds, of the tests.
        run_program(cargo().arg("build").args(BUILD).args(["--bins", "--test", "deployed"]))?;
        command.env("CUTLINE_MODELS_DIR", fetch_models()?);
        command.env("CUTLINE_TEST_PYTHON", tools.program("python"));
        command.env("CUTLINE_TEST_LAMBDA_EMULATOR", tools.lambda_emulator()?);
    } else if !std::path::Path::new(command.get_program()).exists() {
        run_program(cargo().arg("build").args(BUILD).args(["--bin", PROGRAM, "--test", "deployed"]))?;
    }
    // This program ends here, so that a signal reaches the other one alone.
    Err(command.args(arguments).exec()).with_context(|| format!("cannot run {PROGRAM}"))
}
