//! The processors and the free memory of this machine.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// The number of processors that this process may use.
pub(crate) fn processors() -> usize {
    threads().get()
}

/// One thread for each processor.
pub(crate) fn threads() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The memory that this process may still allocate, in bytes: the minimum of the system's free memory and the rest that
/// each control group above the process allows. `None` where neither is known, as on macOS.
pub(crate) fn free_memory() -> Option<u64> {
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| mem_available(&text));
    let group = fs::read_to_string("/proc/self/cgroup").ok();
    let groups = group.as_deref().and_then(group_folder).into_iter().flat_map(|folder| {
        let folders: Vec<PathBuf> = folder.ancestors().map(Path::to_owned).collect();
        folders.into_iter().take_while(|folder| folder.starts_with(GROUPS)).filter_map(|folder| rest_of(&folder))
    });
    groups.chain(system).min()
}

/// The folder of control groups, version 2.
const GROUPS: &str = "/sys/fs/cgroup";

/// The folder of this process's control group, from the text of `/proc/self/cgroup`.
fn group_folder(text: &str) -> Option<PathBuf> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(GROUPS).join(path))
}

/// The rest of a control group's limit, in bytes. The kernel counts cached files as used but can drop them, so they
/// count as free here. `None` without a limit.
fn rest_of(group: &Path) -> Option<u64> {
    let number = |file| fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
    let limit: u64 = number("memory.max")?;
    let used = number("memory.current").unwrap_or(0);
    let cached = fs::read_to_string(group.join("memory.stat")).ok().and_then(|text| inactive_files(&text)).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}

/// `inactive_file` of a `memory.stat`, in bytes.
fn inactive_files(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("inactive_file "))?.trim().parse().ok()
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_leaves_its_limit_less_its_use() {
        let text = "12:pids:/x\n0::/system.slice/cutline.service\n";
        assert_eq!(group_folder(text), Some("/sys/fs/cgroup/system.slice/cutline.service".into()));
        assert_eq!(group_folder("12:pids:/x\n"), None, "version 1");
        assert_eq!(inactive_files("anon 5\ninactive_file 4096\nactive_file 7\n"), Some(4096));

        let group = tempfile::tempdir().expect("a folder");
        assert_eq!(rest_of(group.path()), None, "no limit");
        for (file, text) in
            [("memory.max", "10000\n"), ("memory.current", "9000\n"), ("memory.stat", "inactive_file 500\n")]
        {
            fs::write(group.path().join(file), text).expect("is written");
        }
        assert_eq!(rest_of(group.path()), Some(1500));
        fs::write(group.path().join("memory.max"), "max\n").expect("is written");
        assert_eq!(rest_of(group.path()), None);
    }

    #[test]
    fn reads_available_memory_in_bytes() {
        let text = "MemTotal:       24684084 kB\nMemFree:         1000 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(mem_available(text), Some(2 << 20));
        assert_eq!(mem_available("MemTotal: 1 kB"), None);
    }
}
