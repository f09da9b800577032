//! Developer commands, run as `cargo xtask COMMAND`; see [`help`].
//!
//! This program prepares and runs others. It holds no test logic: the tests are ordinary test targets of the workspace.
//! It is compiled before anything else, so it has few dependencies.

mod bench;
mod chaos;
mod drain;
mod emulator;
mod fuzz;
mod gallery;
mod lambda;
mod nightly;
mod programs;
mod release;
mod sim;
mod steps;
mod targets;
mod test;
mod tools;
mod upgrades;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let wants_help = rest.iter().take_while(|argument| *argument != "--").any(|a| a == "-h" || a == "--help");
    let result = match command.as_str() {
        "" | "help" | "-h" | "--help" => Ok(print_help()),
        "lambda" => lambda::run(&rest),
        _ if wants_help => Ok(print_help()),
        "test" => test::run(&rest),
        "bench" => bench::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "chaos" => chaos::run(&rest),
        "drain" => drain::run(&rest),
        "nightly" => nightly::run(&rest),
        "sim" => sim::run(&rest),
        "upgrades" => upgrades::run(&rest),
        "record-release" => upgrades::record(&rest),
        "gallery" => gallery::run(&rest),
        "targets" => targets::print(),
        other => Err(anyhow::anyhow!("unknown command `{other}`; see `cargo xtask help`")),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_help() -> ExitCode {
    print!("{}", help());
    ExitCode::SUCCESS
}

/// The text of `cargo xtask help`.
fn help() -> String {
    let steps = test::names().join(", ");
    let figures = bench::FIGURES.join(", ");
    let targets = fuzz::targets().unwrap_or_default().join(", ");
    let nightly: String = nightly::list().lines().map(|step| format!("      {step}\n")).collect();
    format!(
        "\
Developer commands of Cutline.

cargo xtask test [STEP]... [-- FILTER...]
    Runs all tests, or only these steps, and prints the result of each step:
      {steps}
    With one step, FILTER and any other argument go to its test harness.
    Needs Rust, Python 3.10 or newer and Node. The step `formats` also needs ImageMagick, libvips, ExifTool, tiffinfo,
    cjpeg, avifenc and cwebp, and the step `heic` libheif; the tests of a missing one are skipped and listed in the
    summary. The step `desk` needs Chromium, and fails without it.

cargo xtask bench [FIGURE]... [--eval DIR] [--seconds N] [--profile]
    Measures all figures, or only these:
      {figures}
    --eval DIR    photographs with known mattes, for `matte`, `confidence` and parts of `imaging`, `composing`,
                  `engine` and `desk`;
                  default: the environment variable CUTLINE_EVAL
    --seconds N   duration of each load on `serve`; default: {seconds}
    --profile     `engine` also reports the time of each layer
    `imaging` compares paths with potrace's if that is installed.

cargo xtask gallery FOLDER [-o OUT]
    Cuts out the photographs of a folder and lays the results out on contact sheets, for people to look at.
    Default for OUT: target/gallery

cargo xtask lambda up | invoke EVENT | drop FILE | down
    Runs the whole deployment of template.yaml on this machine: the functions under AWS's Lambda emulator, in front of an
    emulator of AWS, and the API on a local port. `up` serves it; the others use it from another terminal.
    `cargo xtask lambda COMMAND --help` lists the options. Needs Linux, Rust and Python 3.10 or newer.

cargo xtask fuzz [TARGET]... [--seconds N]
    Fuzzes all targets, or only these, N seconds each (default {fuzz_seconds}):
      {targets}

cargo xtask fuzz --slow [KIND]... [--seconds N]
    Searches all kinds of image but HEIC, or only these, for small files that take far more time than harmless files of
    their size, for N seconds of processor time in all (default {slow_seconds}), at low priority. Reports the worst ten of
    each kind, which are kept under target/fuzz/slow.

cargo xtask chaos [--seconds N] [--seed S]
    Torments `cutline serve` for N seconds (default {chaos_seconds}) while clients use it: it is killed and frozen, its disk is
    full, its clock jumps, its sources hang, its pictures are hostile. Checks that no job is lost, charged twice or
    ended twice, and that the results are right. A seed repeats the choices of an earlier run.
    Data, log and report stay in target/chaos. The full disk needs root, or sudo without a password.

cargo xtask drain [--pictures N]
    Has two workers outside Lambda drain the queues of a deployment on emulators, N pictures in all (default
    {drain_pictures}). One is killed midway and another one is added; nothing may be lost. The step `deployed` does so
    with 15.

cargo xtask sim [OPTION]...
    Simulates a back-fill on AWS: the real use cases on stores in memory, under the rules of Lambda and SQS. Prints waits
    by lane, repairs, retries and the job that the sweep was behind with for the longest time, and checks that nothing is
    lost, late or counted twice. A seed repeats a run exactly.
    --drops N                 files that are dropped at once; default: 400000
    --megapixels N            their size: 2 take 2.5 s each, 12 take 5 s; default: 12
    --bulk-concurrency N      the parameter BulkConcurrency; default: 20
    --live-concurrency N      ProcessConcurrency; default: 5
    --intake-concurrency N    IntakeConcurrency; default: 5
    --account-concurrency N   the account's limit for all functions together; default: 1000
    --faults PERCENT          requests to AWS that fail, before or after they took effect; default: 0
    --kills                   also kills 1% of the invocations
    --unfair                  without fair queues
    --seed S                  default: 1
    Refuses a back-fill that takes longer than ten days, and names the concurrency that it needs.

cargo xtask upgrades
    Upgrades from the previous release with jobs in flight, rolls back, and upgrades again: on a table that programs of
    both share, and on a data folder. Nothing may be lost. Builds the previous release under target/releases, which
    takes as long as a first build of this one; needs its commit in this clone.

cargo xtask record-release [REVISION]
    Runs the programs of a release, by default the previous one, on emulators and on a data folder, and keeps what they
    store and send as test data: shared/core/tests/data/releases. Tests read and finish it.

cargo xtask nightly [--list] [STEP]...
    Runs chaos, upgrades, workers outside Lambda, simulations, webhooks under faults and both kinds of fuzzing for long,
    over 10 hours in all, and prints the result of each. STEPs select some by
    name, such as 'fuzz --slow'; --list only prints the commands:
{nightly}
cargo xtask targets
    Prints, as arguments for cargo, the test targets that need preparation. Plain `cargo test` leaves them out.

cargo xtask help
    Prints this text.
",
        seconds = bench::DEFAULT_SECONDS,
        fuzz_seconds = fuzz::DEFAULT_SECONDS,
        chaos_seconds = chaos::DEFAULT_SECONDS,
        drain_pictures = drain::DEFAULT_PICTURES,
        slow_seconds = fuzz::SLOW_SECONDS,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_step_figure_and_fuzz_target() {
        let help = help();
        for name in test::names().iter().chain(&bench::FIGURES) {
            assert!(help.contains(name), "{name}");
        }
        for name in fuzz::targets().expect("fuzz targets") {
            assert!(help.contains(&name), "{name}");
        }
    }
}
