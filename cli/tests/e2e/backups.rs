//! `cutline backup` of a running server, and `cutline restore` to another folder.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Request;
use crate::image_workers::freeze;
use crate::pictures;
use crate::server::{Data, Server, TIMEOUT, accepted, cutline};

/// Runs a command on a data folder. Returns whether it succeeded, and what it printed.
fn run(data: &Path, command: &str, folder: &Path) -> (bool, String) {
    let output = cutline(data).arg(command).arg(folder).output().expect("runs");
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), text)
}

#[test]
fn a_backup_of_a_running_server_continues_in_another_folder() {
    let (data, elsewhere) = (Data::new(), Data::new());
    let server = Server::start(&data, &["--workers", "0"]);
    let key = server.key().to_owned();
    let photo = pictures::photo();
    let before: Vec<_> = (0..3).map(|_| server.upload(&key, "coffee.jpg", &photo)).collect();
    let backup = data.path().with_extension("backup");

    // Clients post while the backup is taken.
    let (stop, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
    let during = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut jobs = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        jobs.push(server.upload(&key, "coffee.jpg", &photo));
                        begun.fetch_add(1, Ordering::Relaxed);
                    }
                    jobs
                })
            })
            .collect();
        let started = Instant::now();
        while begun.load(Ordering::Relaxed) == 0 && started.elapsed() < TIMEOUT {
            sleep(Duration::from_millis(5));
        }
        let (is_ok, text) = run(&data.path(), "backup", &backup);
        stop.store(true, Ordering::Relaxed);
        assert!(is_ok && text.contains("Backed up"), "{text}");
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect::<Vec<_>>()
    });
    assert!(!during.is_empty(), "no client posts");
    let (is_ok, text) = run(&data.path(), "backup", &backup);
    assert!(!is_ok && text.contains("not empty"), "{text}");
    let (is_ok, text) = run(&data.path(), "restore", &backup);
    assert!(!is_ok && text.contains("another cutline server is using"), "{text}");

    let (is_ok, text) = run(&elsewhere.path(), "restore", &backup);
    assert!(is_ok && text.contains("Restored"), "{text}");
    let copy = Server::start(&elsewhere, &["--workers", "0"]);
    assert_eq!(copy.key, None, "the keys are restored too");
    let mut restored = 0;
    for job in before.iter().chain(&during) {
        let status = copy.status(&key, job);
        let source = elsewhere.path().join("files/sources").join(job);
        match status.status {
            200 => {
                assert_eq!(status.json()["status"], json!("queued"), "{status:?}");
                assert_eq!(std::fs::read(source).expect("its source"), photo);
                restored += 1;
            }
            404 => assert!(during.contains(job) && !source.exists(), "{job} was accepted before the backup"),
            _ => panic!("{status:?}"),
        }
    }
    assert!(restored >= before.len());
    // Both servers accept jobs.
    for server in [&server, &copy] {
        server.upload(&key, "coffee.jpg", &photo);
    }
}

#[test]
fn restored_jobs_end_and_finished_ones_keep_their_results() {
    let (data, elsewhere) = (Data::new(), Data::new());
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let done = server.upload(&key, "coffee.jpg", &pictures::photo());
    server.poll(&key, &done);
    let frozen = freeze::<1>(&server);
    let [running, waiting] = [(); 2].map(|()| server.upload(&key, "coffee.jpg", &pictures::photo()));
    server.poll_until(&key, &running, |status| status["status"] == "pending_background");
    let backup = data.path().with_extension("backup");
    let (is_ok, text) = run(&data.path(), "backup", &backup);
    assert!(is_ok, "{text}");
    server.kill();
    drop(frozen);

    let (is_ok, text) = run(&elsewhere.path(), "restore", &backup);
    assert!(is_ok, "{text}");
    let copy = Server::start(&elsewhere, &["--workers", "1"]);
    for job in [&done, &running, &waiting] {
        let status = copy.poll(&key, job);
        assert_eq!(status["status"], "done", "{status}\n{}", copy.log());
        let link = status["final_urls"]["background"].as_str().expect("a link").to_owned();
        pictures::check(&Request::new("GET", &*link).send().body);
    }
}

#[test]
fn an_interrupted_backup_is_not_restored() {
    let (data, elsewhere) = (Data::new(), Data::new());
    let server = Server::start(&data, &["--workers", "0"]);
    accepted(
        &server.post().key(server.key()).form(&[("mode", "background")], Some(("a.jpg", &pictures::photo()))).send(),
    );
    let backup = data.path().with_extension("backup");
    assert!(run(&data.path(), "backup", &backup).0);
    std::fs::remove_file(backup.join("manifest.json")).expect("is removed");
    let (is_ok, text) = run(&elsewhere.path(), "restore", &backup);
    assert!(!is_ok && text.contains("incomplete backup"), "{text}");
    assert!(!elsewhere.path().exists());
}
