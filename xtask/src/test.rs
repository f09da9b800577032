//! `cargo xtask test`: all tests, in an order that finds the cheap failures first.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail, ensure};

use crate::emulator::Emulator;
use crate::programs::Programs;
use crate::steps::{Counts, Steps, run_program, run_tests};
use crate::targets;
use crate::tools::{Tools, node_modules};
use crate::workspace::{BUILD, BUILD_WITH_HEIC, cargo, fetch_models, program, root};

/// A suite: its name on the command line and in the summary, and how to run it.
type Suite = (&'static str, fn(&Setup, &mut Counts) -> Result<()>);

const SUITES: [Suite; 10] = [
    ("workspace", workspace),
    ("template", template),
    ("formats", formats),
    ("heic", heic),
    ("models", models),
    ("e2e", end_to_end),
    ("desk", desk),
    ("contract", contract),
    ("deployed", deployed),
    ("chaos", chaos),
];

/// The test targets that need preparation; the suites of these names prepare them.
const PREPARED: [&str; 7] = ["chaos", "contract", "deployed", "e2e", "formats", "models", "template"];

/// The duration of the load of the suite `chaos`, in seconds. Afterwards its jobs have to end, so it takes longer.
const CHAOS_SECONDS: &str = "300";

/// The tools and settings of the suites.
struct Setup {
    tools: Tools,
    models: PathBuf,
    /// The programs of the suite `formats`.
    programs: Programs,
    /// Arguments for the test harness.
    harness: Vec<String>,
}

/// The arguments: `[STEP]... [-- FILTER...]`.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// Empty for all.
    steps: Vec<String>,
    harness: Vec<String>,
}

/// The names of all suites.
pub(crate) fn names() -> [&'static str; 10] {
    SUITES.map(|(name, _)| name)
}

/// Runs the suites with these names, or all.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let options = Options::read(arguments)?;
    let is_selected = |name: &str| options.steps.is_empty() || options.steps.iter().any(|step| step == name);
    let mut steps = Steps::default();
    let setup = set_up(&mut steps, is_selected("formats"), options.harness.clone());
    for (name, suite) in SUITES {
        if !is_selected(name) {
            steps.skip(name, "not selected");
        } else if name == "heic" && !Programs::ready(name).missing.is_empty() {
            steps.miss(name, "pkg-config finds no libheif; install libheif-dev to run its tests");
        } else if let Some(setup) = &setup {
            steps.run(name, |counts| suite(setup, counts));
            if name == "formats" {
                for program in &setup.programs.missing {
                    steps.skip(program.line, "not installed on this machine; install it to run its tests");
                }
            }
        } else {
            steps.skip(name, "the preparation failed");
        }
    }
    Ok(steps.summary())
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self> {
        let (steps, harness) = match arguments.iter().position(|argument| argument == "--") {
            Some(at) => (&arguments[..at], &arguments[at + 1..]),
            None => (arguments, &[][..]),
        };
        if let Some(unknown) = steps.iter().find(|name| !names().contains(&name.as_str())) {
            bail!("unknown step `{unknown}`; the steps are {}", names().join(", "));
        }
        ensure!(harness.is_empty() || steps.len() == 1, "a filter needs exactly one step; name it before `--`");
        Ok(Self { steps: steps.to_vec(), harness: harness.to_vec() })
    }
}

fn set_up(steps: &mut Steps, formats: bool, harness: Vec<String>) -> Option<Setup> {
    let tools = steps.run("Python tools", |_| Tools::for_tests())?;
    steps.run("build", |_| build())?;
    let models = steps.run("fetch models", |_| fetch_models())?;
    let programs = if formats { Programs::ready("formats") } else { Programs::default() };
    Some(Setup { tools, models, programs, harness })
}

/// Builds everything once, with the same features, so that each later step finds its programs.
fn build() -> Result<()> {
    let targets = targets::needing_preparation()?;
    ensure!(
        targets == PREPARED,
        "the manifests set `test = false` for {targets:?}, but the suites prepare {PREPARED:?}; add a suite"
    );
    // Not the benchmarks: no test runs them, and `clippy` reads them.
    run_program(cargo().arg("build").args(BUILD).args(["--lib", "--bins", "--tests", "--examples"]))?;
    run_program(cargo().arg("build").args(BUILD).args(targets.iter().flat_map(|name| ["--test", name])))
}

impl Setup {
    /// The tests of one target that needs preparation.
    fn target(&self, name: &str) -> Command {
        let mut command = cargo();
        command.arg("test").args(BUILD).args(["--test", name, "--"]).args(&self.harness);
        command
    }
}

/// Unit tests, integration tests and documentation examples.
fn workspace(setup: &Setup, counts: &mut Counts) -> Result<()> {
    run_tests(cargo().arg("test").args(BUILD).args(["--no-fail-fast", "--"]).args(&setup.harness), counts)
}

fn template(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let program = |name| {
        let mut command = Command::new(setup.tools.program(name));
        // The linter's rules differ by region. Nothing is called there.
        command.current_dir(root()).env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "eu-central-1");
        command
    };
    run_program(program("sam").args(["validate", "--lint", "--template-file", "template.yaml"]))?;
    *counts = Counts::ONE_PASSED;
    // With AWS's rules for serverless applications; .cfnlintrc.yaml lists the exceptions.
    run_program(program("cfn-lint").args(["template.yaml", "deploy/*.yaml", "examples/aws/*.yaml"]))?;
    counts.passed += 1;
    run_program(program("hadolint").arg("Dockerfile"))?;
    counts.passed += 1;
    run_tests(setup.target("template").env("CUTLINE_TEST_PYTHON", setup.tools.program("python")), counts)
}

/// Written files, read by other programs. The tests of missing programs count as skipped.
fn formats(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let mut command = setup.target("formats");
    command.env("CUTLINE_TEST_PYTHON", Tools::for_formats()?.program("python"));
    pass_programs(&mut command, &setup.programs);
    counts.ignored += setup.programs.missing.len() as u64;
    run_tests(&mut command, counts)
}

/// The crate that needs libheif, and the programs that link it with their feature `heic`, which are only checked: built,
/// they would take the place of those that the other suites run.
fn heic(setup: &Setup, counts: &mut Counts) -> Result<()> {
    // With the features of all other builds, or the crates that it needs would be built once more.
    let mut test = cargo();
    test.arg("test").args(BUILD_WITH_HEIC).args(["--test", "heic", "--test", "heic_worker", "--"]).args(&setup.harness);
    run_tests(&mut test, counts)?;
    let programs = ["-p", "cutline-cli", "-p", "cutline-process"];
    let features = ["--features", "cutline-cli/heic,cutline-process/heic"];
    run_program(cargo().args(["check", "--release", "--locked"]).args(programs).args(features))?;
    counts.passed += 1;
    Ok(())
}

/// Passes the paths of installed programs to the tests, and leaves out the tests of missing ones.
fn pass_programs(command: &mut Command, programs: &Programs) {
    for (program, path) in &programs.installed {
        command.env(program.variable, path);
    }
    for program in &programs.missing {
        command.args(["--skip", &format!("{}::", program.module)]);
    }
}

fn models(setup: &Setup, counts: &mut Counts) -> Result<()> {
    run_tests(setup.target("models").env("CUTLINE_MODELS_DIR", &setup.models), counts)
}

/// The `cutline` command and the clients of `examples/`. A missing interpreter fails the suite after the other tests.
fn end_to_end(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let programs = Programs::ready("e2e");
    let mut command = setup.target("e2e");
    command.env("CUTLINE_MODELS_DIR", &setup.models).env("CUTLINE_TEST_PYTHON", setup.tools.program("python"));
    command.env("CUTLINE_TEST_WEBHOOKS_PYTHON", setup.tools.program("python"));
    command.env("CUTLINE_TEST_NODE_MODULES", node_modules()?);
    let document = Tools::for_document()?;
    command.env("CUTLINE_TEST_SCHEMATHESIS", document.program("schemathesis"));
    command.env("CUTLINE_TEST_OPENAPI_VALIDATOR", document.program("openapi-spec-validator"));
    pass_programs(&mut command, &programs);
    run_tests(&mut command, counts)?;
    programs.require()
}

/// The web pages: their types, then the pages in Chromium in front of a real server, and of the functions of the
/// template. One filter selects tests by name.
fn desk(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let programs = Programs::ready("desk");
    programs.require()?;
    let node = || -> Result<Command> {
        let mut command = Command::new(programs.path("CUTLINE_TEST_NODE")?);
        command.current_dir(root());
        Ok(command)
    };
    let modules = node_modules()?;
    run_program(node()?.arg(modules.join("typescript/bin/tsc")).args(["--project", "desk"]))?;
    *counts = Counts::ONE_PASSED;
    let mut command = node()?;
    // One file after another, since every photo takes all processors.
    command.args(["--test", "--test-concurrency=1", "--test-reporter=./desk/tests/support/reporter.js"]);
    command.args(setup.harness.iter().map(|filter| format!("--test-name-pattern={filter}")));
    command.args(
        [
            "units",
            "correct-units",
            "places-units",
            "robot-units",
            "try",
            "trouble",
            "access",
            "review",
            "review-many",
            "places",
            "correct",
            "deployment",
        ]
        .map(|name| format!("desk/tests/{name}.test.js")),
    );
    command.env("CUTLINE_TEST_PROGRAM", program("cutline")?.get_program());
    command.env("CUTLINE_MODELS_DIR", &setup.models).env("CUTLINE_TEST_NODE_MODULES", modules);
    command.env("CUTLINE_TEST_PYTHON", setup.tools.program("python"));
    command.env("CUTLINE_TEST_DEPLOYMENT", program("cutline-deployment")?.get_program());
    command.env("CUTLINE_TEST_LAMBDA_EMULATOR", setup.tools.lambda_emulator()?);
    pass_programs(&mut command, &programs);
    run_tests(&mut command, counts)
}

fn contract(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let emulator = Emulator::start(&setup.tools)?;
    run_tests(setup.target("contract").env("CUTLINE_TEST_AWS_ENDPOINT", &emulator.endpoint), counts)
}

fn deployed(setup: &Setup, counts: &mut Counts) -> Result<()> {
    run_tests(
        setup
            .target("deployed")
            .env("CUTLINE_MODELS_DIR", &setup.models)
            .env("CUTLINE_TEST_PYTHON", setup.tools.program("python"))
            .env("CUTLINE_TEST_LAMBDA_EMULATOR", setup.tools.lambda_emulator()?),
        counts,
    )
}

/// A short form of `cargo xtask chaos`. Each invariant counts as a test, and a kind of fault that is impossible on this
/// machine as a skipped one.
fn chaos(setup: &Setup, counts: &mut Counts) -> Result<()> {
    let mut command = setup.target("chaos");
    if setup.harness.is_empty() {
        command.args(["--seconds", CHAOS_SECONDS]);
    }
    run_tests(command.env("CUTLINE_MODELS_DIR", &setup.models), counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options> {
        Options::read(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_after_the_dashes_go_to_the_harness_of_one_step() -> Result<()> {
        assert_eq!(read(&[])?, Options { steps: Vec::new(), harness: Vec::new() });
        let options = read(&["deployed", "--", "killed", "--list"])?;
        assert_eq!(
            options,
            Options { steps: vec!["deployed".into()], harness: vec!["killed".into(), "--list".into()] }
        );
        assert!(read(&["--", "killed"]).is_err() && read(&["e2e", "deployed", "--", "killed"]).is_err());
        Ok(())
    }

    #[test]
    fn rejects_unknown_steps() {
        assert!(read(&["deplyed"]).is_err());
    }
}
