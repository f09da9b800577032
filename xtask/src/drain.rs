//! `cargo xtask drain`: the long form of the test of workers outside Lambda.

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::steps::run_program;
use crate::tools::Tools;
use crate::workspace::{BUILD, cargo, fetch_models};

/// The pictures by default.
pub(crate) const DEFAULT_PICTURES: u32 = 500;
/// The fewest pictures that keep two workers busy when one of them is killed.
const MIN_PICTURES: u32 = 12;

/// Runs `[--pictures N]`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let pictures = read(arguments)?;
    let tools = Tools::for_tests()?;
    run_program(cargo().arg("build").args(BUILD).args(["--bins", "--test", "deployed"]))?;
    let mut command = cargo();
    command.arg("test").args(BUILD).args(["--quiet", "--test", "deployed", "--", "workers::"]);
    command.env("CUTLINE_TEST_DRAIN_PICTURES", pictures.to_string());
    command.env("CUTLINE_MODELS_DIR", fetch_models()?);
    command.env("CUTLINE_TEST_PYTHON", tools.program("python"));
    command.env("CUTLINE_TEST_LAMBDA_EMULATOR", tools.lambda_emulator()?);
    let status = command.status().context("cannot run the test `deployed`")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The number of pictures.
fn read(arguments: &[String]) -> Result<u32> {
    let pictures = match arguments {
        [] => DEFAULT_PICTURES,
        [name, value] if name == "--pictures" => {
            value.parse().with_context(|| format!("--pictures must be a whole number, not `{value}`"))?
        }
        _ => bail!("unknown arguments `{}`; the only one is --pictures N", arguments.join(" ")),
    };
    ensure!(pictures >= MIN_PICTURES, "--pictures must be at least {MIN_PICTURES}, so that both workers are busy");
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str]) -> Result<u32> {
        read(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn reads_the_number_of_pictures() -> Result<()> {
        assert_eq!(read_words(&[])?, DEFAULT_PICTURES);
        assert_eq!(read_words(&["--pictures", "60"])?, 60);
        for wrong in [&["--pictures"][..], &["--pictures", "x"], &["--pictures", "11"], &["60"]] {
            assert!(read_words(wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }
}
