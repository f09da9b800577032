//! Kills, restarts and orderly stops: no accepted job is lost, and every job ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Request;
use crate::image_workers::freeze;
use crate::pictures;
use crate::server::{Data, Server, TIMEOUT, accepted, cutline};

#[test]
fn a_job_ends_done_after_its_server_was_killed() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let frozen = freeze::<1>(&server);
    let job = server.upload(&key, "coffee.jpg", &pictures::photo());
    server.poll_until(&key, &job, |status| status["status"] == "pending_background");
    server.kill();
    drop(frozen);

    let server = Server::start(&data, &[]);
    assert_eq!(server.key, None, "only the first start creates a key");
    let status = server.poll(&key, &job);
    assert_eq!(status["status"], "done", "{status}\n{}", server.log());
    assert!(server.log().contains("interrupted job requeued"), "the start requeued the job: {}", server.log());
    let link = status["final_urls"]["background"].as_str().expect("a link").to_owned();
    pictures::check(&Request::new("GET", &*link).send().body);
}

#[test]
fn every_accepted_job_survives_a_kill() {
    const CLIENTS: usize = 8;
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let key = server.key().to_owned();
    let count = AtomicUsize::new(0);
    // Clients post until the server is killed.
    let accepted: BTreeMap<String, String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (url, key, count) = (server.url("/api/v1/upload"), key.clone(), &count);
                scope.spawn(move || {
                    let mut jobs = Vec::new();
                    loop {
                        let source = format!("https://example.com/{client}/{}.jpg", jobs.len());
                        let body = json!({"file_url": source, "mode": "background"});
                        match Request::new("POST", url.clone()).key(&key).json(&body).try_send() {
                            Ok(response) => {
                                jobs.push((accepted(&response), source));
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(_) => return jobs,
                        }
                    }
                })
            })
            .collect();
        let started = Instant::now();
        while count.load(Ordering::Relaxed) < 10 * CLIENTS && started.elapsed() < TIMEOUT {
            sleep(Duration::from_millis(5));
        }
        server.kill();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    assert!(accepted.len() >= 10 * CLIENTS, "{} jobs were accepted", accepted.len());

    let server = Server::start(&data, &["--workers", "0"]);
    for job in accepted.keys() {
        let status = server.status(&key, job);
        assert_eq!((status.status, &status.json()["status"]), (200, &json!("queued")), "{status:?}");
    }
}

#[test]
fn a_stopping_server_finishes_its_job_and_keeps_the_rest() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1", "--stop-grace-seconds", "300"]);
    let key = server.key().to_owned();
    let frozen = freeze::<1>(&server);
    let running = server.upload(&key, "coffee.jpg", &pictures::photo());
    let waiting = server.upload(&key, "coffee.jpg", &pictures::photo());
    server.poll_until(&key, &running, |status| status["status"] == "pending_background");
    server.terminate();
    drop(frozen);
    let status = server.wait();
    assert!(status.success(), "{status}");

    let server = Server::start(&data, &["--workers", "0"]);
    assert_eq!(server.status(&key, &running).json()["status"], "done", "{}", server.log());
    assert_eq!(server.status(&key, &waiting).json()["status"], "queued", "{}", server.log());
    server.kill();
    let server = Server::start(&data, &[]);
    assert_eq!(server.poll(&key, &waiting)["status"], "done");
}

#[test]
fn refuses_a_folder_or_a_port_in_use() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let serve = |data: &Data, listen: &str| {
        let output =
            cutline(&data.path()).args(["serve", "--workers", "0", "--listen", listen]).output().expect("runs");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let error = serve(&data, "127.0.0.1:0");
    assert!(error.contains("another cutline server is using"), "{error}");
    let address = server.url("").replace("http://", "");
    let error = serve(&Data::new(), &address);
    assert!(error.contains(&address) && error.contains("CUTLINE_LISTEN"), "{error}");
}
