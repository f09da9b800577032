//! Resources of processes, from `/proc`, and temporary folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Clock ticks a second in `/proc/PID/stat`, the same on all platforms.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processor time of a process, in seconds.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("cannot read a process's times")?;
    // The name, in parentheses, may contain spaces. User and system time are the 12th and 13th fields after it.
    let (_, fields) = stat.rsplit_once(')').context("unexpected format of /proc/PID/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>().context("cannot read a process's times")? / TICKS_PER_SECOND)
}

/// A process's memory, in MB of 2^20 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// The resident set.
    pub(crate) resident: f64,
    /// The largest resident set so far.
    pub(crate) peak: f64,
}

/// A process's memory.
pub(crate) fn memory(process: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("cannot read a process's memory")?;
    let megabytes = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        let kilobytes = line.trim().trim_end_matches("kB").trim();
        Ok(kilobytes.parse::<f64>().context("cannot read a process's memory")? / 1024.0)
    };
    Ok(Memory { resident: megabytes("VmRSS:")?, peak: megabytes("VmHWM:")? })
}

/// The memory of a process and its children together. The peak is the sum of their peaks, which may have been at
/// different times.
pub(crate) fn memory_with_children(process: u32) -> Result<Memory> {
    let mut sum = memory(process)?;
    for child in children(process)? {
        // A child may have ended since it was listed.
        if let Ok(Memory { resident, peak }) = memory(child) {
            sum = Memory { resident: sum.resident + resident, peak: sum.peak + peak };
        }
    }
    Ok(sum)
}

/// The children of a process.
pub(crate) fn children(process: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for task in fs::read_dir(format!("/proc/{process}/task")).context("cannot list a process's threads")? {
        let list = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    Ok(children)
}

/// A new folder under `target`, removed on drop. `/tmp` may be in memory, `target` is on a disk.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("figures-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
