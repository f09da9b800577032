//! `cutline`: the whole of Cutline on one machine.
//!
//! Here the parts are put together and nothing else: what a command does is in its module, what a job is
//! in `cutline-core`. Settings come from defaults, then the environment, then flags, and are checked here
//! once, before anything is opened.

mod cli;
mod cut;
mod data;
mod keys;
mod logs;
mod machine;
mod memory_budget;
mod models;
mod pipeline;
mod serve;

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
    logs::start(&cli.log)?;
    match cli.command {
        Command::Serve(args) => serve::run(args).map(|()| ExitCode::SUCCESS),
        Command::Cut(args) => cut::run(args),
        Command::Models(command) => models::run(command).map(|()| ExitCode::SUCCESS),
        Command::Keys(command) => keys::run(command).map(|()| ExitCode::SUCCESS),
    }
}
