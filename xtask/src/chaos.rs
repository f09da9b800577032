//! `cargo xtask chaos`: builds and prepares what the test target `chaos` of `cli` needs, and runs it.

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::steps::run_program;
use crate::workspace::{BUILD, cargo, fetch_models};

/// The duration of the load by default, in seconds.
pub(crate) const DEFAULT_SECONDS: u32 = 300;
/// The shortest run in which every kind of fault has its turn, in seconds.
const MIN_SECONDS: u32 = 60;

/// Runs `[--seconds N] [--seed S]`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let (seconds, seed) = read(arguments)?;
    run_program(cargo().arg("build").args(BUILD).args(["--bins", "--test", "chaos"]))?;
    let mut command = cargo();
    command.arg("test").args(BUILD).args(["--quiet", "--test", "chaos", "--"]);
    command.args(["--seconds", &seconds.to_string()]);
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    let status = command.env("CUTLINE_MODELS_DIR", fetch_models()?).status().context("cannot run the test `chaos`")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The seconds and the seed, if one is given.
fn read(arguments: &[String]) -> Result<(u32, Option<u64>)> {
    let (mut seconds, mut seed) = (DEFAULT_SECONDS, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let value = rest.next().with_context(|| format!("{argument} needs a number"))?;
        let invalid = || format!("{argument} must be a whole number, not `{value}`");
        match argument.as_str() {
            "--seconds" => seconds = value.parse().with_context(invalid)?,
            "--seed" => seed = Some(value.parse().with_context(invalid)?),
            _ => bail!("unknown argument `{argument}`; the arguments are --seconds N and --seed S"),
        }
    }
    ensure!(seconds >= MIN_SECONDS, "--seconds must be at least {MIN_SECONDS}, so that every fault has its turn");
    Ok((seconds, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str]) -> Result<(u32, Option<u64>)> {
        read(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn reads_seconds_and_seed() -> Result<()> {
        assert_eq!(read_words(&[])?, (DEFAULT_SECONDS, None));
        assert_eq!(read_words(&["--seed", "7", "--seconds", "90"])?, (90, Some(7)));
        for wrong in [&["--seconds"][..], &["--seconds", "59"], &["--seed", "x"], &["--fast", "1"], &["90"]] {
            assert!(read_words(wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }
}
