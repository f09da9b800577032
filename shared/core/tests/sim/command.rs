//! The command behind `cargo xtask sim`: one simulation with the settings of its arguments, and its report. `main.rs`
//! describes the simulation.

mod clock;
mod delays;
mod functions;
mod lambda;
mod ledger;
mod load;
mod network;
mod options;
mod outside;
mod ports;
mod random;
mod records;
mod report;
mod rules;
mod settings;
mod simulation;
mod sqs;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let settings = options::read(arguments)?;
    settings.backfill().check(settings.bulk_concurrency).map_err(|refused| refused.to_string())?;
    let outcome = simulation::run(&settings);
    let (text, broken) = report::text(&settings, &outcome);
    print!("{text}");
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
