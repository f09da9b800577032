//! `cargo xtask lambda`: the whole deployment on this machine, behind an API on a local port.
//!
//! `up` runs it and writes what the other commands need to `state.json` in a folder.

mod control;
mod dropping;
mod environments;
mod gateway;
mod remote;
mod state;
mod triggers;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cutline_deployment::root;

/// The whole deployment on this machine: the real functions under AWS's Lambda emulator, in front of an emulator of AWS.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask lambda", bin_name = "cargo xtask lambda")]
struct Arguments {
    /// The folder of the deployment's state, logs and results [default: target/lambda of the project]
    #[arg(long, global = true, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Deploys, and serves the API until Ctrl-C or `down`. Nothing is kept afterwards
    Up(up::UpArgs),
    /// Sends an event to a function and prints the answer
    Invoke {
        /// The event, such as events/status-jobs.json. Its file's name begins with that of the function
        event: PathBuf,
        /// The function, if the event's name does not say it: upload, status, process, intake or sweep
        #[arg(long, value_name = "NAME")]
        function: Option<String>,
    },
    /// Puts a file under drops/, waits for its results, and saves them in the folder of the deployment
    Drop {
        /// The file
        file: PathBuf,
        /// The parameter set
        #[arg(long, value_name = "NAME", default_value = "transparent")]
        set: String,
    },
    /// Ends the deployment and forgets it
    Down,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The HTTP client needs a TLS provider even for plain HTTP. It fails only if there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = &arguments.folder.unwrap_or_else(|| root().join("target/lambda"));
    let result = match arguments.command {
        Command::Up(args) => up::run(folder, &args).await,
        Command::Invoke { event, function } => remote::invoke(folder, &event, function.as_deref()).await,
        Command::Drop { file, set } => dropping::run(folder, &file, &set).await,
        Command::Down => remote::down(folder).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lambda: {error:#}");
            ExitCode::FAILURE
        }
    }
}
