//! The previous release and this one on the same records. `cargo xtask upgrades` upgrades and rolls back with jobs in
//! flight; `cargo xtask record-release` keeps what the previous release writes as test data.
//!
//! Both need programs that `cargo xtask` builds, and get their paths in environment variables: see [`releases`].

mod aws;
mod dynamo_json;
mod local;
mod origin;
mod record;
mod releases;
mod server;
mod site;
mod sqlite;
mod uploads;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let result = Runtime::new().context("cannot start a runtime").and_then(|runtime| runtime.block_on(run(&arguments)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("upgrades: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<()> {
    // The HTTP client needs a TLS provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match arguments {
        [] => {
            let begun = Instant::now();
            local::a_data_folder_is_migrated_and_refused_by_the_previous_release().await?;
            println!("data folder: nothing lost, {} s", begun.elapsed().as_secs());
            let begun = Instant::now();
            aws::an_upgrade_and_a_roll_back_lose_nothing().await?;
            println!("table: nothing lost, {} s", begun.elapsed().as_secs());
            Ok(())
        }
        [command, folder] if command == "record" => record::run(Path::new(folder)).await,
        _ => bail!("unknown arguments `{}`; start this with `cargo xtask`", arguments.join(" ")),
    }
}
