//! A pool of real children. This program is its own child: it runs a pipeline that does what the source says.

#[cfg(target_os = "linux")]
mod checks;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod pipeline;
#[cfg(target_os = "linux")]
mod world;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(cutline_worker::SUBCOMMAND) {
        return pipeline::run_child();
    }
    if std::env::args().nth(1).as_deref() == Some(hostile::SUBCOMMAND) {
        return hostile::run_child();
    }
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), checks::all()).exit_code()
}

/// The limits of a child are Linux's, and so are these tests.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("skipped: the image workers are tested on Linux only");
    ExitCode::SUCCESS
}
