//! The image workers of a server: what happens to them happens to no other job.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::pictures;
use crate::server::{Data, Server, TIMEOUT};

/// An image worker, by its process id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Worker(u32);

impl Worker {
    fn signal(self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0.to_string()]).status().expect("kill runs").success());
    }

    /// The fields of its `stat` after the name; `None` once it is gone.
    fn stat(self) -> Option<Vec<String>> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_whitespace().map(str::to_owned).collect();
        (!matches!(fields[0].as_str(), "Z" | "X")).then_some(fields)
    }

    /// The processor time that it has used, in ticks.
    fn ticks(self) -> u64 {
        self.stat()
            .map_or(0, |fields| fields[11..=12].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum())
    }

    /// The memory that only it uses, in kB: mapped models are not part of it.
    fn own_memory(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
    }
}

/// The image workers of a server.
fn workers(server: &Server) -> Vec<Worker> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", server.pid())) else { return Vec::new() };
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let pids =
        lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect::<Vec<_>>());
    pids.map(Worker).filter(|worker| worker.stat().is_some()).collect()
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < TIMEOUT, "never happened: {what}");
        sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn only_worker(server: &Server) -> Worker {
    until("a worker is there", || workers(server).len() == 1);
    workers(server)[0]
}

#[test]
fn a_lost_worker_costs_an_attempt_and_no_job() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    for (signal, logged) in
        [("-KILL", "image worker died"), ("-ABRT", "image worker died"), ("-STOP", "image worker killed")]
    {
        let worker = only_worker(&server);
        let before = server.log().len();
        let bad_luck = server.upload(&key, "coffee.jpg", &pictures::photo());
        let neighbor = server.upload(&key, "coffee.jpg", &pictures::photo());
        server.poll_until(&key, &bad_luck, |status| status["status"] == "pending_background");
        worker.signal(signal);
        assert_eq!(server.poll(&key, &neighbor)["status"], "done", "{signal}\n{}", server.log());
        assert_eq!(server.poll(&key, &bad_luck)["status"], "done", "{signal}\n{}", server.log());
        assert!(server.log()[before..].contains(logged), "{signal}: {}", server.log());
        assert_ne!(only_worker(&server), worker, "{signal}");
    }
}

#[test]
fn idle_workers_use_no_processor_and_little_memory() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let before = only_worker(&server).own_memory();
    let job = server.upload(&key, "coffee.jpg", &pictures::photo());
    assert_eq!(server.poll(&key, &job)["status"], "done");
    let worker = only_worker(&server);
    until("the worker is idle", || {
        let ticks = worker.ticks();
        sleep(Duration::from_secs(1));
        worker.ticks() == ticks
    });
    let kept = worker.own_memory().saturating_sub(before) / 1024;
    assert!(kept < 700, "{kept} MB are kept for the next picture");
}

#[test]
fn workers_end_with_their_server() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "2"]);
    let key = server.key().to_owned();
    until("two workers are there", || workers(&server).len() == 2);
    let both = workers(&server);
    let job = server.upload(&key, "coffee.jpg", &pictures::photo());
    server.poll_until(&key, &job, |status| status["status"] == "pending_background");
    server.kill();
    until("both have ended", || both.iter().all(|worker| worker.stat().is_none()));
}
