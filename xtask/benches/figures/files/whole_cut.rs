//! Whole runs of `cutline cut`, each timed, with the memory of the command and its worker.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::Setup;
use crate::machine;

/// The time between two looks at the memory.
const EVERY: Duration = Duration::from_millis(10);

/// The cost of a run.
pub(super) struct Cost {
    pub(super) seconds: f64,
    /// The peak of the command and its image worker together, in MB.
    pub(super) peak: f64,
    /// The length of the file it wrote, in bytes.
    pub(super) length: u64,
}

/// Cuts a photo in mode background with two threads, and more arguments. `out` is the folder for the file.
pub(super) fn run(setup: &Setup, photo: &Path, out: &Path, arguments: &[&str]) -> Result<Cost> {
    let mut command = setup.program("cutline");
    command.env("CUTLINE_MODELS_DIR", &setup.models).arg("cut").arg(photo).arg("-o").arg(out);
    command.args(["--mode", "background", "--threads", "2", "--force"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().context("cannot start cutline cut")?;
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // A process that has just ended has no memory.
        if let Ok(memory) = machine::memory_with_children(child.id()) {
            peak = peak.max(memory.peak);
        }
        std::thread::sleep(EVERY);
    };
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(status.success() && peak > 0.0, "{command:?} ended with {status}");
    Ok(Cost { seconds, peak, length: written(out)? })
}

/// Whether `cutline cut` has an option.
pub(super) fn has_option(setup: &Setup, option: &str) -> Result<bool> {
    let output = Command::new(setup.program_path("cutline")).args(["cut", "--help"]).output();
    let output = output.context("cannot run cutline cut --help")?;
    Ok(String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == option))
}

/// The length of all files in a folder, in bytes.
fn written(folder: &Path) -> Result<u64> {
    let mut length = 0;
    for entry in std::fs::read_dir(folder).context("cutline cut made no folder")? {
        length += entry?.metadata()?.len();
    }
    Ok(length)
}
