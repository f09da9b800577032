//! Limits a process and its children to a share of the processors, as Lambda does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// The kernel's default.
const PERIOD_MICROS: u64 = 100_000;

/// A limit in force until it is dropped. Drop it after the processes have ended.
pub(crate) struct Quota {
    /// The control group, if one was created.
    group: Option<PathBuf>,
    /// The mechanism, for the report.
    pub(crate) mechanism: &'static str,
}

impl Quota {
    /// Limits a process, and the children it starts from now on, to the time of this many processors. Uses a control
    /// group's quota, as Lambda does; where none can be created, one whole processor by affinity.
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
            Err(error) => {
                Err(error.context("a fraction of a processor needs a control group, which cannot be created"))
            }
        }
    }
}

fn group(folder: &Path, limits: &[(&str, String)], process: u32, mechanism: &'static str) -> Result<Quota> {
    fs::create_dir(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let quota = Quota { group: Some(folder.to_owned()), mechanism };
    for (file, value) in limits {
        fs::write(folder.join(file), value).with_context(|| format!("cannot write {file}"))?;
    }
    fs::write(folder.join("cgroup.procs"), process.to_string()).context("cannot move a process to a control group")?;
    Ok(quota)
}

fn by_affinity(process: u32) -> Result<Quota> {
    let status = Command::new("taskset")
        .args(["--all-tasks", "--pid", "--cpu-list", "0", &process.to_string()])
        .stdout(std::process::Stdio::null())
        .status()
        .context("cannot run taskset")?;
    ensure!(status.success(), "taskset cannot bind the process to a processor");
    Ok(Quota { group: None, mechanism: "one processor by affinity" })
}

impl Drop for Quota {
    fn drop(&mut self) {
        let Some(group) = &self.group else { return };
        if let Err(error) = remove(group) {
            eprintln!("{error:#}");
        }
    }
}

/// A group can be removed only some time after its last process has ended.
fn remove(group: &Path) -> Result<()> {
    for _ in 0..100 {
        if fs::remove_dir(group).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(20));
    }
    bail!("cannot remove {}", group.display())
}
