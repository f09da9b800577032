//! The image workers of a server: what happens to them happens to no other job.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::image_workers::{freeze, image_workers};
use crate::pictures;
use crate::server::{Data, Server, TIMEOUT};

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < TIMEOUT, "never happened: {what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_lost_worker_costs_an_attempt_and_no_job() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    for (signal, logged) in
        [("-KILL", "image worker died"), ("-ABRT", "image worker died"), ("-STOP", "image worker killed")]
    {
        let [worker] = image_workers::<1>(&server);
        let frozen = freeze::<1>(&server);
        let before = server.log().len();
        let bad_luck = server.upload(&key, "coffee.jpg", &pictures::photo());
        let neighbor = server.upload(&key, "coffee.jpg", &pictures::photo());
        server.poll_until(&key, &bad_luck, |status| status["status"] == "pending_background");
        assert!(worker.signal(signal), "{signal}: it has a job");
        if signal != "-STOP" {
            // A process that stands still notices only SIGKILL.
            drop(frozen);
        }
        assert_eq!(server.poll(&key, &neighbor)["status"], "done", "{signal}\n{}", server.log());
        assert_eq!(server.poll(&key, &bad_luck)["status"], "done", "{signal}\n{}", server.log());
        assert!(server.log()[before..].contains(logged), "{signal}: {}", server.log());
        assert_ne!(image_workers::<1>(&server), [worker], "{signal}");
    }
}

#[test]
fn idle_workers_use_no_processor_and_little_memory() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let [fresh] = image_workers::<1>(&server);
    let before = fresh.own_memory();
    let job = server.upload(&key, "coffee.jpg", &pictures::photo());
    assert_eq!(server.poll(&key, &job)["status"], "done");
    let [worker] = image_workers::<1>(&server);
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
    let both = image_workers::<2>(&server);
    let frozen = freeze::<2>(&server);
    let job = server.upload(&key, "coffee.jpg", &pictures::photo());
    server.poll_until(&key, &job, |status| status["status"] == "pending_background");
    server.kill();
    drop(frozen);
    until("both have ended", || both.iter().all(|worker| worker.has_ended()));
}
