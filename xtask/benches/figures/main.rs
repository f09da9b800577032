//! The figures: the speed of `cutline serve`, and a check that it loses no job; the start-up time, memory and cost of
//! the functions; the quality of mattes and of the image pipeline; the speed of the networks.
//!
//! `cargo xtask bench` builds the programs, starts the emulators and runs this. A missed target is reported and is not
//! a failure, since the machine may be the cause. A broken guarantee (a lost job) is a failure.

mod clicks;
mod client;
mod composing;
mod confidence;
mod cost;
mod deployment;
mod desk;
mod direct_uploads;
mod engine;
mod fetching;
mod files;
mod imaging;
mod init;
mod jobs;
mod load;
mod machine;
mod matte;
mod memory;
mod origin;
mod peer;
mod pictures;
mod plate;
mod prices;
mod profile;
mod quota;
mod recut;
mod report;
mod roi;
mod scene;
mod sequential;
mod serve;
mod set;
mod setup;
mod silent;
mod uploads;
mod webhooks;
mod whole;
mod workers;

use std::process::ExitCode;

use anyhow::{Result, bail};
use cutline_worker::ChildArgs;

use report::Report;
pub(crate) use setup::Setup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Some(args) = ChildArgs::of_this_process() {
        return workers::run_child(&args);
    }
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("figures: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if run_alone(&arguments)? {
        return Ok(ExitCode::SUCCESS);
    }
    let (setup, figures) = Setup::from_arguments(arguments)?;
    // The HTTP client needs a TLS provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut report = Report::default();
    for figure in &figures {
        let result = match figure.as_str() {
            "serve" => run_server(&setup, &mut report).await,
            "webhooks" => webhooks::run(&setup, &mut report).await,
            "uploads" => uploads::run(&setup, &mut report).await,
            "init" => init::run(&setup, &mut report).await,
            "memory" => memory::run(&setup, &mut report).await,
            "cost" => cost::run(&setup, &mut report).await,
            "matte" => matte::run(&setup, &mut report),
            "confidence" => confidence::run(&setup, &mut report),
            "clicks" => clicks::run(&setup, &mut report),
            "roi" => roi::run(&setup, &mut report),
            "plate" => plate::run(&setup, &mut report),
            "recut" => recut::run(&setup, &mut report),
            "imaging" => imaging::run(&setup, &mut report),
            "composing" => composing::run(&setup, &mut report),
            "files" => files::run(&setup, &mut report),
            "desk" => desk::run(&setup, &mut report),
            "workers" => workers::run(&setup, &mut report).await,
            "engine" => engine::run(&setup, &mut report),
            other => bail!("unknown figure `{other}`"),
        };
        // A failure does not keep the other figures from being measured.
        if let Err(error) = result {
            report.broken(format!("{figure} could not be measured: {error:#}"));
        }
    }
    Ok(report.finish())
}

/// Measures the server.
async fn run_server(setup: &Setup, report: &mut Report) -> Result<()> {
    serve::run(setup, report).await?;
    sequential::run(setup, report).await?;
    direct_uploads::run(setup, report).await?;
    fetching::run(setup, report).await?;
    silent::run(setup, report).await?;
    jobs::run(setup, report).await?;
    webhooks::delay(setup, report).await
}

/// Measures a single operation if the arguments ask for one. A figure that measures memory starts this program again, so
/// that nothing else is in its peak.
fn run_alone(arguments: &[String]) -> Result<bool> {
    match arguments {
        [flag, photo, matte] if flag == imaging::CHAIN => imaging::run_chain(photo, matte)?,
        [flag, photo, matte, which] if flag == composing::COMPOSE => composing::run_alone(photo, matte, which)?,
        [flag, photo, made] if flag == files::INSERT => files::run_alone(photo, made)?,
        [flag, prepared] if flag == engine::INFER => engine::run_alone(prepared)?,
        _ => return Ok(false),
    }
    Ok(true)
}
