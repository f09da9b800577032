//! `cargo xtask upgrades` and `cargo xtask record-release`: run the benchmark target `upgrades`, which starts programs of the
//! previous release and of this one.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::release::{self, NOT_IN_CLONE, Release};
use crate::steps::run_program;
use crate::tools::Tools;
use crate::workspace::{BUILD, cargo, fetch_models};

/// Upgrades from the previous release with jobs in flight, and rolls back.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    if let [argument, ..] = arguments {
        bail!("unknown argument `{argument}`; leave it out");
    }
    let release = build(None)?;
    start(&release, &[])
}

/// Records what a release writes: `[REVISION]`, by default the previous release.
pub(crate) fn record(arguments: &[String]) -> Result<ExitCode> {
    let revision = match arguments {
        [] => None,
        [revision] => Some(revision.as_str()),
        [_, other, ..] => bail!("unknown argument `{other}`; the only one is a revision"),
    };
    let release = build(revision)?;
    let folder = release::recordings(&release.version);
    let folder = folder.to_str().context("the workspace's folder is not UTF-8")?;
    start(&release, &["record", folder])
}

/// Builds this workspace, and then the release.
fn build(revision: Option<&str>) -> Result<Release> {
    let commit = release::find(revision)?;
    let commit = commit.with_context(|| match revision {
        Some(revision) => format!("unknown revision: {revision}"),
        None => format!("{NOT_IN_CLONE}; fetch it with `git fetch --unshallow --tags`"),
    })?;
    // With a test, so that dependencies have the features, and the builds, of the tests.
    run_program(cargo().arg("build").args(BUILD).args(["--bins", "--test", "deployed"]))?;
    release::build(&commit)
}

fn start(release: &Release, arguments: &[&str]) -> Result<ExitCode> {
    let tools = Tools::for_tests()?;
    let mut command = cargo();
    // The settings of the tests, so that both share one build. The profile of benchmarks is the one for releases.
    command.arg("bench").args(BUILD.into_iter().filter(|argument| *argument != "--release"));
    command.args(["--quiet", "--bench", "upgrades", "--"]).args(arguments);
    command.env("CUTLINE_MODELS_DIR", fetch_models()?);
    command.env("CUTLINE_TEST_PYTHON", tools.program("python"));
    command.env("CUTLINE_TEST_LAMBDA_EMULATOR", tools.lambda_emulator()?);
    command.env("CUTLINE_TEST_PREVIOUS_VERSION", &release.version);
    command.env("CUTLINE_TEST_PREVIOUS_COMMIT", &release.commit);
    command.env("CUTLINE_TEST_PREVIOUS_PROGRAMS", &release.programs);
    command.env("CUTLINE_TEST_PREVIOUS_MODELS", &release.models);
    let status = command.status().context("cannot run the target `upgrades`")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_unknown_arguments() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert!(run(&words(&["--fast"])).is_err());
        assert!(record(&words(&["HEAD", "--fast"])).is_err());
        let error = record(&words(&["no-such-revision"])).expect_err("is refused").to_string();
        assert!(error.contains("no-such-revision"), "{error}");
    }
}
