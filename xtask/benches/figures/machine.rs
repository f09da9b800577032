//! What `/proc` tells of processes, and folders that do not stay.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What one thing a process may use is counted in: clock ticks of `/proc/PID/stat`, the same everywhere.
const TICKS_A_SECOND: f64 = 100.0;

/// Processor time that a process has used, in seconds.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("reading a process's times")?;
    // The name, in parentheses, may hold spaces; user and system time are 12th and 13th after it.
    let (_, fields) = stat.rsplit_once(')').context("no such process times")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>().context("reading a process's times")? / TICKS_A_SECOND)
}

/// A process's memory, in MB of 2^20 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: f64,
    /// The most that ever was.
    pub(crate) peak: f64,
}

/// A process's memory.
pub(crate) fn memory(process: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("reading a process's memory")?;
    let megabytes = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        let kilobytes = line.trim().trim_end_matches("kB").trim();
        Ok(kilobytes.parse::<f64>().context("reading a process's memory")? / 1024.0)
    };
    Ok(Memory { resident: megabytes("VmRSS:")?, peak: megabytes("VmHWM:")? })
}

/// A new, empty folder under `target`, which is on a disk: `/tmp` may not be. Removed in the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("figures-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}
