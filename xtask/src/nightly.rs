//! `cargo xtask nightly`: the long forms of the tests that find rare faults. Each step is a command that also runs on its
//! own.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::release::{self, NOT_IN_CLONE};
use crate::steps::{Counts, Steps, run_program};

/// The step that needs the source of the previous release.
const UPGRADES: &str = "upgrades";

/// The steps: a name, and the arguments of `cargo xtask`.
const STEPS: [(&str, &[&str]); 8] = [
    ("chaos", &["chaos", "--seconds", "3600"]),
    (UPGRADES, &["upgrades"]),
    ("drain", &["drain"]),
    ("sim", &["sim"]),
    ("sim --faults --kills", &["sim", "--faults", "1", "--kills"]),
    ("bench webhooks", &["bench", "webhooks", "--seconds", "900"]),
    ("fuzz", &["fuzz", "--seconds", "1800"]),
    ("fuzz --slow", &["fuzz", "--slow"]),
];

/// Runs the steps with these names, or all, also after one failed; `--list` prints all instead.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    if arguments == ["--list"] {
        print!("{}", list());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = arguments.iter().find(|argument| STEPS.iter().all(|(name, _)| name != argument)) {
        bail!("unknown step `{unknown}`; the steps are {}", STEPS.map(|(name, _)| name).join(", "));
    }
    let program = env::current_exe().context("cannot find the running program")?;
    let mut steps = Steps::default();
    let is_selected = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    for (name, arguments) in STEPS.into_iter().filter(|(name, _)| is_selected(name)) {
        if name == UPGRADES && release::find(None)?.is_none() {
            steps.miss(name, NOT_IN_CLONE);
            continue;
        }
        steps.run(name, |counts| {
            run_program(Command::new(&program).args(arguments))?;
            *counts = Counts::ONE_PASSED;
            Ok(())
        });
    }
    Ok(steps.summary())
}

/// The steps as commands, one a line.
pub(crate) fn list() -> String {
    STEPS.iter().map(|(_, arguments)| format!("cargo xtask {}\n", arguments.join(" "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz;
    use crate::workspace::root;

    #[test]
    fn lists_every_step_as_a_command() {
        let list = list();
        assert_eq!(list.lines().count(), STEPS.len());
        assert!(list.lines().all(|line| line.starts_with("cargo xtask ")), "{list}");
        for unknown in ["--lst", "fuzz --fast", ""] {
            assert!(run(&[unknown.to_owned()]).is_err(), "{unknown}");
        }
    }

    #[test]
    fn the_workflow_fuzzes_every_target_for_as_long() {
        let workflow = std::fs::read_to_string(root().join(".github/workflows/nightly.yml")).expect("the workflow");
        let lines = || workflow.lines().map(str::trim);
        let mut listed: Vec<&str> =
            lines().filter_map(|line| line.strip_prefix("- targets: ")).flat_map(str::split_whitespace).collect();
        listed.sort_unstable();
        assert_eq!(listed, fuzz::targets().expect("fuzz targets"));
        let step = list().lines().find(|line| line.contains("fuzz --seconds")).map(str::to_owned).expect("a step");
        let (_, seconds) = step.split_once("--seconds").expect("has a duration");
        assert!(lines().any(|line| line.contains("xtask fuzz") && line.ends_with(seconds)), "{seconds}");
    }
}
