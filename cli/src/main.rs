//! `cutline`: all of Cutline on one machine.
//!
//! This crate parses settings and wires the other crates together: each command has its module, and the rules of a job
//! are in `cutline-core`. Flags win over environment variables, which win over defaults. Settings are checked before
//! anything is opened.

mod audit;
mod backup;
mod batch;
mod choices;
mod cli;
mod cut;
mod data;
mod doctor;
mod folders;
mod image_workers;
mod jobs;
mod keys;
mod logs;
mod machine;
mod models;
mod output;
mod owners;
mod serve;
mod shell;
mod size;
mod stop;
mod stores;
mod user_folder;

use std::process::ExitCode;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let log = cli.log_filter();
    // An image worker logs to its parent.
    if !matches!(cli.command, Command::ImageWorker(_)) {
        logs::start(&log, cli.log_format)?;
    }
    match cli.command {
        Command::Serve(args) => serve::run(args, log).map(|()| ExitCode::SUCCESS),
        Command::Cut(args) => cut::run(args, log),
        Command::Batch(args) => batch::run(*args),
        Command::ImageWorker(args) => Ok(image_workers::run_child(&args)),
        Command::Models(command) => models::run(command).map(|()| ExitCode::SUCCESS),
        Command::Keys(command) => keys::run(command).map(|()| ExitCode::SUCCESS),
        Command::Owners(command) => owners::run(command).map(|()| ExitCode::SUCCESS),
        Command::Jobs(command) => jobs::run(command).map(|()| ExitCode::SUCCESS),
        Command::Doctor(args) => doctor::run(&args),
        Command::Backup(args) => backup::run_backup(&args).map(|()| ExitCode::SUCCESS),
        Command::Restore(args) => backup::run_restore(&args).map(|()| ExitCode::SUCCESS),
    }
}
