//! The figures: how fast `cutline serve` answers and that it loses no job, how long the functions take to
//! start, how much memory and money a picture takes, how good the mattes are, what becomes of them, and how
//! fast the networks run.
//!
//! Run by `cargo xtask bench`, which builds the programs and brings the emulators. A missed target is told
//! and is no failure, since it may be the machine's; a broken promise (a lost job) is one.

mod client;
mod composing;
mod cost;
mod deployment;
mod engine;
mod imaging;
mod init;
mod load;
mod machine;
mod matte;
mod memory;
mod origin;
mod peer;
mod pictures;
mod prices;
mod profile;
mod quota;
mod report;
mod scene;
mod serve;
mod set;
mod whole;

// What runs the functions is the as-deployed test's.
#[path = "../../tests/deployed/gateway.rs"]
#[expect(dead_code, reason = "the test uses more of it")]
mod gateway;
#[path = "../../tests/deployed/lambda.rs"]
#[expect(dead_code, reason = "the test uses more of it")]
mod lambda;
#[path = "../../tests/deployed/sqs.rs"]
#[expect(dead_code, reason = "the test uses more of it")]
mod sqs;
#[path = "../../tests/deployed/stack.rs"]
#[expect(dead_code, reason = "the test uses more of it")]
mod stack;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use report::Report;

/// What the figures are measured with.
pub(crate) struct Setup {
    /// The folder of the models.
    pub(crate) models: PathBuf,
    /// How long each load lasts.
    pub(crate) seconds: u64,
    /// A set of photographs with known mattes.
    pub(crate) eval: Option<PathBuf>,
    /// A Python with what the set's scorer needs.
    pub(crate) score_python: Option<PathBuf>,
    /// A Python with the peers of the image pipeline.
    pub(crate) imaging_python: Option<PathBuf>,
    /// A Python with the peers of the networks' engine.
    pub(crate) engine_python: Option<PathBuf>,
    /// Whether to tell how long each layer of the networks takes.
    pub(crate) profile: bool,
}

impl Setup {
    /// A program of the workspace, as built.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.program_path(name))
    }

    pub(crate) fn program_path(&self, name: &str) -> PathBuf {
        lambda::release_folder().unwrap_or_else(|_| stack::root().join("target/release")).join(name)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("figures: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode> {
    if let [_, flag, photo, matte] = std::env::args().collect::<Vec<_>>().as_slice()
        && flag == imaging::CHAIN
    {
        imaging::run_chain(photo, matte)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let [_, flag, photo, matte, which] = std::env::args().collect::<Vec<_>>().as_slice()
        && flag == composing::COMPOSE
    {
        composing::run_alone(photo, matte, which)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let [_, flag, prepared] = std::env::args().collect::<Vec<_>>().as_slice()
        && flag == engine::INFER
    {
        engine::run_alone(prepared)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (setup, figures) = arguments()?;
    // The client of the emulators speaks plain HTTP to loopback, and is built with TLS all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut report = Report::default();
    for figure in &figures {
        let done = match figure.as_str() {
            "serve" => serve::run(&setup, &mut report).await,
            "init" => init::run(&setup, &mut report).await,
            "memory" => memory::run(&setup, &mut report).await,
            "cost" => cost::run(&setup, &mut report).await,
            "matte" => matte::run(&setup, &mut report),
            "imaging" => imaging::run(&setup, &mut report),
            "composing" => composing::run(&setup, &mut report),
            "engine" => engine::run(&setup, &mut report),
            other => bail!("there is no figure `{other}`"),
        };
        // The others can still be measured.
        if let Err(error) = done {
            report.broken(format!("{figure} could not be measured: {error:#}"));
        }
    }
    Ok(report.finish())
}

/// What `cargo xtask bench` gives to this program: names of figures, and settings as `--name value`.
fn arguments() -> Result<(Setup, Vec<String>)> {
    let models = std::env::var_os("CUTLINE_MODELS_DIR");
    let models = models.context("CUTLINE_MODELS_DIR is not set: run `cargo xtask bench`")?.into();
    let mut setup = Setup {
        models,
        seconds: 60,
        eval: None,
        score_python: None,
        imaging_python: None,
        engine_python: None,
        profile: false,
    };
    let mut figures = Vec::new();
    // cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--seconds" => setup.seconds = value()?.parse().context("--seconds is not a number")?,
            "--eval" => setup.eval = Some(value()?.into()),
            "--score-python" => setup.score_python = Some(value()?.into()),
            "--imaging-python" => setup.imaging_python = Some(value()?.into()),
            "--engine-python" => setup.engine_python = Some(value()?.into()),
            "--profile" => setup.profile = true,
            _ => figures.push(argument),
        }
    }
    Ok((setup, figures))
}
