//! Other processes, as Linux shows them under `/proc`.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The hidden subcommand that the server runs its image workers with.
const WORKER: &str = "image-worker";

/// The clock ticks in a second of CPU time. The same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Sends a signal, by its name without `SIG`. Returns false if the process no longer exists.
pub(crate) fn signal(pid: u32, name: &str) -> bool {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).output();
    status.is_ok_and(|output| output.status.success())
}

/// The direct children of a process.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    all().filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The image workers of a server.
pub(crate) fn image_workers(server: u32) -> Vec<u32> {
    children(server).into_iter().filter(|pid| is_image_worker(*pid, None)).collect()
}

/// All image workers that run this program, with any parent.
pub(crate) fn image_workers_of(program: &str) -> Vec<u32> {
    all().filter(|pid| is_image_worker(*pid, Some(program))).collect()
}

fn is_image_worker(pid: u32, program: Option<&str>) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = line.split(|byte| *byte == 0);
    let first = arguments.next().unwrap_or_default();
    let runs = |program: &str| {
        let file = fs::read_link(format!("/proc/{pid}/exe"));
        program.as_bytes() == first || file.is_ok_and(|file| file == Path::new(program))
    };
    program.is_none_or(runs) && arguments.any(|argument| argument == WORKER.as_bytes())
}

/// The CPU time that a process and its children have used, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let ticks = |pid: u32| -> Option<f64> {
        let stat = after_name(pid)?;
        let mut fields = stat.split(' ').skip(11);
        Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
    };
    with_children(pid).filter_map(ticks).sum::<f64>() / TICKS_PER_SECOND
}

/// The memory that a process and its children have to themselves, in bytes. Mapped files, such as the models, do not
/// count.
pub(crate) fn memory(pid: u32) -> u64 {
    let of_one = |pid: u32| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    with_children(pid).filter_map(of_one).sum()
}

fn with_children(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::once(pid).chain(children(pid))
}

fn parent_of(pid: u32) -> Option<u32> {
    after_name(pid)?.split(' ').nth(1)?.parse().ok()
}

/// The fields of `/proc/<pid>/stat` after the name, which may contain anything: state, parent, ….
fn after_name(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.to_owned())
}
