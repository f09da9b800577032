//! The image workers of a server, as processes.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::server::{Server, TIMEOUT};

/// An image worker, by its process id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageWorker(u32);

impl ImageWorker {
    /// Sends a signal, for example `-KILL`. Returns false if the worker is gone.
    pub(crate) fn signal(self, signal: &str) -> bool {
        let mut kill = Command::new("kill");
        kill.args([signal, &self.0.to_string()]).stderr(Stdio::null()).status().expect("kill runs").success()
    }

    /// The fields of its `stat` after the name; `None` once it is gone.
    fn stat(self) -> Option<Vec<String>> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_whitespace().map(str::to_owned).collect();
        (!matches!(fields[0].as_str(), "Z" | "X")).then_some(fields)
    }

    pub(crate) fn has_ended(self) -> bool {
        self.stat().is_none()
    }

    /// The processor time that it has used, in ticks.
    pub(crate) fn ticks(self) -> u64 {
        self.stat()
            .map_or(0, |fields| fields[11..=12].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum())
    }

    /// The memory that only it uses, in kB: mapped models are not part of it.
    pub(crate) fn own_memory(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
    }
}

/// The image workers of a server.
fn workers(server: &Server) -> Vec<ImageWorker> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", server.pid())) else { return Vec::new() };
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let pids =
        lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect::<Vec<_>>());
    pids.map(ImageWorker).filter(|worker| !worker.has_ended()).collect()
}

/// Waits until the server has this many image workers.
#[track_caller]
pub(crate) fn image_workers<const N: usize>(server: &Server) -> [ImageWorker; N] {
    let begun = Instant::now();
    loop {
        let workers = workers(server);
        if let Ok(all) = <[ImageWorker; N]>::try_from(workers.as_slice()) {
            return all;
        }
        assert!(begun.elapsed() < TIMEOUT, "{N} workers expected: {workers:?}");
        sleep(Duration::from_millis(20));
    }
}

/// Image workers that stand still until this is dropped.
pub(crate) struct Frozen(Vec<ImageWorker>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for worker in &self.0 {
            worker.signal("-CONT");
        }
    }
}

/// Stops the `N` image workers of a server, so that a job that begins stays `pending_background`. The server kills a worker
/// that stands still for ten seconds. Elsewhere than on Linux, nothing is stopped, and jobs only take their time.
#[track_caller]
pub(crate) fn freeze<const N: usize>(server: &Server) -> Frozen {
    if !cfg!(target_os = "linux") {
        return Frozen(Vec::new());
    }
    let frozen = Frozen(image_workers::<N>(server).to_vec());
    // One that is gone was replaced just now.
    for worker in &frozen.0 {
        worker.signal("-STOP");
    }
    frozen
}
