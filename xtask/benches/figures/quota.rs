//! A share of processors for a process and its children, as Lambda gives one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// The kernel's own default.
const PERIOD_MICROS: u64 = 100_000;

/// A limit that is in force until this is dropped, which is to be after the processes have ended.
pub(crate) struct Quota {
    /// The control group that was made for it.
    group: Option<PathBuf>,
    /// How it is done, for people.
    pub(crate) how: &'static str,
}

impl Quota {
    /// Gives a process, and what it starts from now on, so many processors' worth of time. By a control
    /// group's quota, as Lambda does, where one can be made; else one whole processor by affinity.
    pub(crate) fn set(process: u32, processors: f64) -> Result<Self> {
        let quota = (processors * PERIOD_MICROS as f64) as u64;
        let name = format!("cutline-figures-{process}");
        let (second, first) = (Path::new("/sys/fs/cgroup"), Path::new("/sys/fs/cgroup/cpu"));
        let by_group = if second.join("cgroup.controllers").exists() {
            let limit = [("cpu.max", format!("{quota} {PERIOD_MICROS}"))];
            group(&second.join(name), &limit, process, "a control group's quota")
        } else {
            let limit = [("cpu.cfs_period_us", PERIOD_MICROS.to_string()), ("cpu.cfs_quota_us", quota.to_string())];
            group(&first.join(name), &limit, process, "a control group's quota (cgroup v1)")
        };
        match by_group {
            Ok(quota) => Ok(quota),
            Err(_) if processors == 1.0 => by_affinity(process),
            Err(error) => Err(error.context("a part of a processor needs a control group, and none can be made")),
        }
    }
}

fn group(folder: &Path, limits: &[(&str, String)], process: u32, how: &'static str) -> Result<Quota> {
    fs::create_dir(folder).with_context(|| format!("making {}", folder.display()))?;
    let quota = Quota { group: Some(folder.to_owned()), how };
    for (file, value) in limits {
        fs::write(folder.join(file), value).with_context(|| format!("writing {file}"))?;
    }
    fs::write(folder.join("cgroup.procs"), process.to_string()).context("moving a process to a control group")?;
    Ok(quota)
}

fn by_affinity(process: u32) -> Result<Quota> {
    let status = Command::new("taskset")
        .args(["--all-tasks", "--pid", "--cpu-list", "0", &process.to_string()])
        .stdout(std::process::Stdio::null())
        .status()
        .context("running taskset")?;
    ensure!(status.success(), "taskset could not bind the process to a processor");
    Ok(Quota { group: None, how: "one processor by affinity" })
}

impl Drop for Quota {
    fn drop(&mut self) {
        let Some(group) = &self.group else { return };
        if let Err(error) = remove(group) {
            eprintln!("{error:#}");
        }
    }
}

/// A group can be removed a moment after its last process has ended.
fn remove(group: &Path) -> Result<()> {
    for _ in 0..100 {
        if fs::remove_dir(group).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(20));
    }
    bail!("{} could not be removed", group.display())
}
