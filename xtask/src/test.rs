//! `cargo xtask test`: every test there is, in an order that finds the cheap faults first.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::emulator::Emulator;
use crate::programs::Programs;
use crate::root;
use crate::steps::{Counts, Steps, run as run_program, run_tests};
use crate::targets::{self, cargo};
use crate::tools::Tools;

/// A suite: its name on the command line and in the summary, and how it is run.
type Suite = (&'static str, fn(&Setup, &mut Counts) -> Result<()>);

const SUITES: [Suite; 7] = [
    ("workspace", workspace),
    ("template", template),
    ("formats", formats),
    ("models", models),
    ("e2e", end_to_end),
    ("contract", contract),
    ("deployed", deployed),
];

/// The test targets that need a set-up, which is what the suites of these names give them.
const WITH_SET_UP: [&str; 6] = ["contract", "deployed", "e2e", "formats", "models", "template"];

/// What the suites need.
struct Setup {
    tools: Tools,
    models: PathBuf,
    programs: Programs,
}

/// Runs the suites with these names, or all.
pub(crate) fn run(only: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = only.iter().find(|name| SUITES.iter().all(|(suite, _)| suite != name)) {
        let names = SUITES.map(|(name, _)| name).join(", ");
        bail!("there is no step `{unknown}`; the steps are {names}");
    }
    let mut steps = Steps::default();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let setup = set_up(&mut steps, wanted("formats"));
    for (name, suite) in SUITES {
        if !wanted(name) {
            steps.not_run(name, "not asked for");
        } else if let Some(setup) = &setup {
            steps.run(name, |counts| suite(setup, counts));
            if name == "formats" {
                for program in &setup.programs.missing {
                    steps.not_run(program.line, "not on this machine; install it to run its tests");
                }
            }
        } else {
            steps.not_run(name, "the set-up failed");
        }
    }
    Ok(steps.summary())
}

fn set_up(steps: &mut Steps, formats: bool) -> Option<Setup> {
    let tools = steps.run("Python tools", |_| Tools::ready())?;
    steps.run("build", |_| build())?;
    let models = steps.run("fetch models", |_| fetch_models())?;
    let programs = if formats { Programs::ready() } else { Programs::default() };
    Some(Setup { tools, models, programs })
}

/// Everything, once: each later step finds its programs built, all with the same features.
fn build() -> Result<()> {
    let named = targets::with_set_up()?;
    ensure!(
        named == WITH_SET_UP,
        "the manifests have `test = false` for {named:?}, and this program runs {WITH_SET_UP:?}: one would be skipped"
    );
    run_program(cargo().args(["build", "--release", "--workspace", "--all-features", "--locked", "--all-targets"]))?;
    let mut build = cargo();
    build.args(["build", "--release", "--workspace", "--all-features", "--locked"]);
    run_program(build.args(named.iter().flat_map(|name| ["--test", name])))
}

/// Fetches the models, unless they are there, and says where they are.
pub(crate) fn fetch_models() -> Result<PathBuf> {
    let folder = match env::var_os("CUTLINE_MODELS_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => match env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
            Some(cache) => PathBuf::from(cache),
            None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache"),
        }
        .join("cutline/models"),
    };
    let folder = std::path::absolute(folder).context("finding the models")?;
    run_program(program("cutline")?.args(["models", "fetch", "--dir"]).arg(&folder))?;
    Ok(folder)
}

/// A program of this workspace, as built: beside this one, wherever that is.
pub(crate) fn program(name: &str) -> Result<Command> {
    let this = env::current_exe().context("finding this program")?;
    Ok(Command::new(this.with_file_name(name)))
}

/// The tests of one target that needs a set-up.
fn target(name: &str) -> Command {
    let mut command = cargo();
    command.args(["test", "--release", "--workspace", "--all-features", "--locked", "--test", name]);
    command
}

fn workspace(_: &Setup, counts: &mut Counts) -> Result<()> {
    run_tests(
        cargo().args(["test", "--release", "--workspace", "--all-features", "--locked", "--no-fail-fast"]),
        counts,
    )
}

fn template(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let program = |name| {
        let mut command = Command::new(setup.tools.program(name));
        // A region only because the linter's rules differ by region; nothing is called there.
        command.current_dir(root()).env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "eu-central-1");
        command
    };
    run_program(program("sam").args(["validate", "--lint", "--template-file", "template.yaml"]))?;
    *counts = Counts::ONE_PASSED;
    run_program(program("cfn-lint").arg("template.yaml"))?;
    counts.passed += 1;
    run_tests(target("template").env("CUTLINE_TEST_PYTHON", setup.tools.program("python")), counts)
}

/// The files as other makers' programs read them. The tests of a program that is not there are left out, and
/// count as skipped.
fn formats(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let mut command = target("formats");
    command.env("CUTLINE_TEST_PYTHON", Tools::for_formats()?.program("python"));
    for (program, path) in &setup.programs.found {
        command.env(program.variable, path);
    }
    command.arg("--");
    for program in &setup.programs.missing {
        command.args(["--skip", &format!("{}::", program.module)]);
        counts.ignored += 1;
    }
    run_tests(&mut command, counts)
}

fn models(setup: &Setup, counts: &mut Counts) -> Result<()> {
    run_tests(target("models").env("CUTLINE_MODELS_DIR", &setup.models), counts)
}

fn end_to_end(setup: &Setup, counts: &mut Counts) -> Result<()> {
    run_tests(target("e2e").env("CUTLINE_MODELS_DIR", &setup.models), counts)
}

fn contract(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let emulator = Emulator::start(&setup.tools)?;
    run_tests(target("contract").env("CUTLINE_TEST_AWS_ENDPOINT", &emulator.endpoint), counts)
}

fn deployed(setup: &Setup, counts: &mut Counts) -> Result<()> {
    run_tests(
        target("deployed")
            .env("CUTLINE_MODELS_DIR", &setup.models)
            .env("CUTLINE_TEST_PYTHON", setup.tools.program("python"))
            .env("CUTLINE_TEST_LAMBDA_EMULATOR", setup.tools.lambda_emulator()?),
        counts,
    )
}
