//! A backend and its jobs: it repeats a request, finds a job, repeats it, deletes it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Data, Server, TIMEOUT, accepted};

fn upload_with_key(server: &Server, key: &str) -> Response {
    let fields = [("mode", "background"), ("external_id", "order 4711"), ("metadata", r#"{"sku": "42"}"#)];
    let request = server.post().key(key).header("Idempotency-Key", "order-4711-front");
    request.form(&fields, Some(("coffee.jpg", &pictures::photo()))).send()
}

/// The files that belong to a job, in the data folder.
fn files(data: &Data, job: &str) -> Vec<std::path::PathBuf> {
    let folders = ["sources", "jobs"].map(|folder| data.path().join("files").join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().contains(job)).collect()
}

#[test]
fn a_job_is_accepted_once_found_repeated_and_deleted() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let first = upload_with_key(&server, &key);
    let job = accepted(&first);
    assert_eq!(first.header("Location"), Some(&*format!("/api/v1/status?job_id={job}")));
    server.kill();

    // The client lost the answer, and sends the request again.
    let server = Server::start(&data, &["--workers", "1"]);
    let again = upload_with_key(&server, &key);
    assert_eq!((accepted(&again), again.header("Idempotent-Replayed")), (job.clone(), Some("true")));
    let status = server.poll(&key, &job);
    assert_eq!((&status["status"], &status["external_id"]), (&json!("done"), &json!("order 4711")), "{status}");

    let api = |method, path: &str| Request::new(method, server.url(path)).key(&key).send();
    let listed = api("GET", "/api/v1/jobs?external_id=order%204711&state=done").json();
    let entries = listed["jobs"].as_array().expect("jobs");
    assert_eq!(entries.len(), 1, "one job for both requests: {listed}");
    assert_eq!((&entries[0]["job_id"], &entries[0]["metadata"]), (&json!(job), &json!({"sku": "42"})));

    let retry = api("POST", &format!("/api/v1/jobs/{job}/retry"));
    let repeated = accepted(&retry);
    let link = |status: &serde_json::Value| status["final_urls"]["background"].as_str().expect("a link").to_owned();
    let second = server.poll(&key, &repeated);
    let pictures = [link(&status), link(&second)].map(|link| Request::new("GET", &*link).send().body);
    assert!(pictures[0] == pictures[1], "the same picture");
    let shown = api("GET", &format!("/api/v1/jobs/{repeated}")).json();
    assert_eq!((&shown["retry_of"], &shown["attempts"]), (&json!(job), &json!(1)), "{shown}");
    let steps: Vec<_> = shown["timings_ms"].as_object().expect("timings").keys().cloned().collect();
    assert_eq!(steps, ["background", "delivery", "fetch"]);

    assert!(files(&data, &job).len() >= 2);
    assert_eq!(api("DELETE", &format!("/api/v1/jobs/{job}")).status, 204);
    assert_eq!(server.status(&key, &job).status, 404);
    assert_eq!(upload_with_key(&server, &key).header("Idempotent-Replayed"), Some("true"), "the key is still taken");
    // The first sweep of a server deletes the files at once.
    server.kill();
    let server = Server::start(&data, &["--workers", "0"]);
    let started = Instant::now();
    while !files(&data, &job).is_empty() {
        assert!(started.elapsed() < TIMEOUT, "{:?}\n{}", files(&data, &job), server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(Request::new("GET", &*link(&status).replace(&base(&link(&status)), &server.url(""))).send().status, 404);
    assert!(!files(&data, &repeated).is_empty(), "the other job keeps its files");
    assert_eq!(server.status(&key, &repeated).json()["status"], "done");
}

/// The scheme, host and port of a link.
fn base(link: &str) -> String {
    link[..link.find("/files/").expect("a link to a file")].to_owned()
}
