//! Developer commands, run as `cargo xtask COMMAND`. See [`HELP`].
//!
//! This program only sets up and runs others: the tests themselves are ordinary test targets of the
//! workspace, and it holds no test's logic. It is compiled before anything else, so it depends on little.

mod bench;
mod emulator;
mod fuzz;
mod gallery;
mod programs;
mod steps;
mod targets;
mod test;
mod tools;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
Developer commands of Cutline.

cargo xtask test [STEP]...   run every test there is and say at the end what ran; with names, only
                             those steps and what they need. Needs Rust, Python 3.10 or newer, Node;
                             `formats` also ImageMagick, ExifTool and tiffinfo, and says which it lacks
cargo xtask bench [FIGURE]... [--eval DIR] [--seconds N] [--profile]
                             measure the figures: serve, init, memory, cost, matte, imaging, composing,
                             engine; all unless named. `matte` and parts of the three after it need a
                             set of photographs with known mattes, given here or as CUTLINE_EVAL;
                             `imaging` compares paths with those of potrace, if that is installed; N is
                             how long each load on `serve` lasts (60); with --profile, `engine` also
                             tells how long each layer of the networks takes
cargo xtask gallery FOLDER [-o OUT]
                             contact sheets of the cut-outs of a folder's photographs, to be looked at
cargo xtask fuzz [TARGET]... [--seconds N]
                             feed the decoders with damaged files that a fuzzer makes, N seconds (60) for
                             each; all unless named: avif, gif, jpeg, png, psd, svg, tiff, webp
cargo xtask targets          print, as arguments for cargo, the test targets that need a set-up
                             (plain `cargo test` leaves them out)
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        "test" => test::run(&rest),
        "bench" => bench::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "gallery" => gallery::run(&rest),
        "targets" => targets::print(),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => Err(anyhow::anyhow!("there is no command `{other}`\n\n{HELP}")),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root. Every path this program uses starts there, wherever it is called from.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
