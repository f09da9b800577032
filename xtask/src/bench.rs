//! `cargo xtask bench`: builds and prepares what the figures need. The benchmark `figures` in `xtask/benches` measures
//! them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::programs::Programs;
use crate::steps::run_program;
use crate::tools::{Tools, node_modules};
use crate::workspace::{BUILD, SELECTION, cargo, fetch_models};

/// The figures, in the order of measurement.
pub(crate) const FIGURES: [&str; 18] = [
    "serve",
    "webhooks",
    "uploads",
    "init",
    "memory",
    "cost",
    "matte",
    "confidence",
    "clicks",
    "roi",
    "plate",
    "recut",
    "imaging",
    "composing",
    "files",
    "engine",
    "workers",
    "desk",
];

/// The duration of each load on `serve` by default, in seconds.
pub(crate) const DEFAULT_SECONDS: u32 = 60;

/// Figures of the functions, which run under the emulators.
const NEED_EMULATORS: [&str; 3] = ["init", "memory", "cost"];

/// Figures that use a set of photographs with known mattes, if there is one.
const USE_EVAL: [&str; 9] = ["matte", "confidence", "clicks", "roi", "plate", "imaging", "composing", "engine", "desk"];

/// A test that measures, and so is left out of `cargo xtask test`. It needs what only the library's own tests see.
const SVG_WORK: &str = "counted_work_agrees_with_the_time_it_takes";

#[derive(Debug, PartialEq, Eq)]
struct Options {
    figures: Vec<&'static str>,
    /// A folder of photographs with known mattes.
    eval: Option<PathBuf>,
    seconds: Option<u32>,
    /// Whether `engine` reports the time of each layer.
    profile: bool,
}

/// Measures the figures with these names, or all.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Options { figures, eval, seconds, profile } =
        Options::read(arguments, env::var_os("CUTLINE_EVAL").map(PathBuf::from))?;
    if let Some(eval) = &eval {
        ensure!(eval.join("index.tsv").exists(), "not a set of photographs: {} has no index.tsv", eval.display());
    }
    // The same features as the tests, so both share one build.
    let build = ["build", "--profile", "bench", "--bins", "--bench", "figures"];
    run_program(cargo().args(build).args(SELECTION))?;
    let mut bench = cargo();
    bench.args(["bench", "--quiet", "--bench", "figures"]).args(SELECTION).arg("--").args(&figures);
    bench.env("CUTLINE_MODELS_DIR", fetch_models()?);
    if figures.iter().any(|figure| NEED_EMULATORS.contains(figure)) {
        let tools = Tools::for_tests()?;
        bench.env("CUTLINE_TEST_PYTHON", tools.program("python"));
        bench.env("CUTLINE_TEST_LAMBDA_EMULATOR", tools.lambda_emulator()?);
    }
    if let Some(eval) = eval.filter(|_| figures.iter().any(|figure| USE_EVAL.contains(figure))) {
        bench.arg("--eval").arg(std::path::absolute(eval)?);
        bench.arg("--score-python").arg(Tools::for_scoring()?.program("python"));
    }
    if figures.contains(&"imaging") {
        bench.arg("--imaging-python").arg(Tools::for_imaging()?.program("python"));
    }
    if figures.contains(&"clicks") {
        // The peer is an addition. Without it the report says so.
        match Tools::for_clicks() {
            Ok(tools) => {
                bench.arg("--clicks-python").arg(tools.program("python"));
            }
            Err(error) => eprintln!("the peer of clicks cannot be installed: {error:#}"),
        }
    }
    if figures.contains(&"engine") {
        bench.arg("--engine-python").arg(Tools::for_engine()?.program("python"));
    }
    if figures.contains(&"desk") {
        prepare_desk(&mut bench)?;
    }
    if profile {
        bench.arg("--profile");
    }
    bench.args(["--seconds", &seconds.unwrap_or(DEFAULT_SECONDS).to_string()]);
    let status = bench.status().context("cannot run the figures")?;
    let mut is_fine = status.success();
    if figures.contains(&"imaging") {
        println!("\n==> the counted work of SVGs, and the time to draw them");
        let mut test = cargo();
        test.arg("test").args(BUILD).args(["--quiet", "--lib", "--", "--ignored", "--nocapture", SVG_WORK]);
        is_fine &= test.status().context("cannot run the test of SVGs")?.success();
    }
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Passes a browser and the libraries of the pages' tests to the figures.
fn prepare_desk(bench: &mut Command) -> Result<()> {
    let programs = Programs::ready("desk");
    programs.require()?;
    bench.arg("--node").arg(programs.path("CUTLINE_TEST_NODE")?);
    bench.env("CUTLINE_TEST_CHROMIUM", programs.path("CUTLINE_TEST_CHROMIUM")?);
    bench.env("CUTLINE_TEST_NODE_MODULES", node_modules()?);
    // Nothing of the figures runs it, but the settings of the tests ask for it.
    bench.env("CUTLINE_TEST_PYTHON", "python3");
    Ok(())
}

impl Options {
    fn read(arguments: &[String], eval: Option<PathBuf>) -> Result<Self> {
        let mut options = Self { figures: Vec::new(), eval, seconds: None, profile: false };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "all" => options.figures.extend(FIGURES),
                "--eval" => options.eval = Some(Path::new(value()?).to_owned()),
                "--seconds" => match value()?.parse() {
                    Ok(seconds @ 2..=3600) => options.seconds = Some(seconds),
                    _ => bail!("--seconds must be a whole number from 2 to 3600"),
                },
                "--profile" => options.profile = true,
                name => match FIGURES.into_iter().find(|figure| *figure == name) {
                    Some(figure) => options.figures.push(figure),
                    None => bail!("unknown figure `{name}`; the figures are {}", FIGURES.join(", ")),
                },
            }
        }
        let named = std::mem::take(&mut options.figures);
        options.figures = FIGURES.into_iter().filter(|figure| named.is_empty() || named.contains(figure)).collect();
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Options::read(&arguments, Some("from-environment".into()))
    }

    #[test]
    fn measures_each_figure_once_and_in_order() -> Result<()> {
        assert_eq!(read(&[])?.figures, FIGURES);
        assert_eq!(read(&["memory", "all"])?.figures, FIGURES);
        assert_eq!(read(&["matte", "serve", "matte"])?.figures, ["serve", "matte"]);
        Ok(())
    }

    #[test]
    fn an_argument_wins_over_the_environment() -> Result<()> {
        assert_eq!(read(&["matte"])?.eval, Some("from-environment".into()));
        let options = read(&["--eval", "given", "matte", "--seconds", "5", "--profile"])?;
        let (figures, eval) = (vec!["matte"], Some("given".into()));
        assert_eq!(options, Options { figures, eval, seconds: Some(5), profile: true });
        Ok(())
    }

    #[test]
    fn rejects_unknown_figures_and_bad_values() {
        for wrong in [&["memmory"][..], &["--eval"], &["--seconds", "1"], &["--seconds", "soon"], &["--fast"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
