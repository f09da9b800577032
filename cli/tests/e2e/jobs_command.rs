//! `cutline jobs`: jobs listed, shown, repeated and deleted from the shell, also while a server runs.

use serde_json::{Value, json};

use crate::command_line::{error_of, only_stdout_of, run};
use crate::http::Request;
use crate::pictures;
use crate::server::{Data, Server, accepted};

/// The ids in a table or in JSON lines.
fn ids(list: &str) -> Vec<String> {
    let id = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(entry) => entry["job_id"].as_str().expect("an id").to_owned(),
        Err(_) => line.split(' ').next().unwrap_or_default().to_owned(),
    };
    list.lines().filter(|line| !line.starts_with("job id ")).map(id).collect()
}

fn upload(server: &Server, external_id: &str) -> String {
    let fields = [("mode", "background"), ("external_id", external_id), ("metadata", r#"{"sku": "42"}"#)];
    accepted(&server.post().key(server.key()).form(&fields, Some(("coffee.jpg", &pictures::photo()))).send())
}

#[test]
fn lists_shows_and_deletes_jobs_while_a_server_runs() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let (first, second) = (upload(&server, "order 1"), upload(&server, "order 2"));

    let table = only_stdout_of(&data, &["jobs", "list"]);
    assert!(table.starts_with("job id "), "{table}");
    assert_eq!(ids(&table), [second.as_str(), &first], "newest first");
    assert_eq!(
        ids(&only_stdout_of(&data, &["jobs", "list", "--external-id", "order 1", "--state", "pending"])),
        [first.as_str()]
    );
    let lines = only_stdout_of(&data, &["jobs", "list", "--json"]);
    let listed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let answer = Request::new("GET", server.url("/api/v1/jobs")).key(server.key()).send().json();
    assert_eq!(answer["jobs"], json!(listed), "the members of the API's list");

    let output = run(&data, &["jobs", "list", "--limit", "1"]);
    assert_eq!(ids(&String::from_utf8_lossy(&output.stdout)), [second.as_str()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--limit 1"), "{output:?}");
    for nothing in [&["jobs", "list", "--status", "failed"][..], &["jobs", "list", "--owner", "other"]] {
        let output = run(&data, nothing);
        assert!(output.status.success() && output.stdout.is_empty() && !output.stderr.is_empty(), "{output:?}");
    }

    let shown: Value = serde_json::from_str(&only_stdout_of(&data, &["jobs", "show", &first])).expect("JSON");
    assert_eq!((&shown["owner"], &shown["status"]), (&json!("default"), &json!("queued")), "{shown}");
    assert_eq!((&shown["external_id"], &shown["metadata"]), (&json!("order 1"), &json!({"sku": "42"})), "{shown}");
    assert!(error_of(&data, &["jobs", "show", &first, "--owner", "other"]).contains("no job has the id"));

    let pending = error_of(&data, &["jobs", "retry", &first]);
    assert!(pending.contains("job has not ended") && pending.contains(&first), "{pending}");

    assert_eq!(only_stdout_of(&data, &["jobs", "delete", &first]), "");
    assert_eq!(server.status(server.key(), &first).status, 404, "deleted at once");
    assert_eq!(server.status(server.key(), &second).status, 200);
    for command in ["show", "retry", "delete"] {
        let unknown = error_of(&data, &["jobs", command, &first]);
        assert!(unknown.contains("no job has the id"), "{unknown}");
    }
    assert_eq!(ids(&only_stdout_of(&data, &["jobs", "list"])), [second.as_str()]);

    let empty = Data::new();
    assert!(error_of(&empty, &["jobs", "list"]).contains("no database in"));
    assert!(!empty.path().exists(), "a mistyped folder is not created");
}

#[test]
fn repeats_a_job_for_a_server() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let (key, job) = (server.key().to_owned(), upload(&server, "order 1"));
    assert_eq!(server.poll(&key, &job)["status"], "done");
    let shown: Value = serde_json::from_str(&only_stdout_of(&data, &["jobs", "show", &job])).expect("JSON");
    let folder = std::path::Path::new(shown["files"]["folder"].as_str().expect("a folder"));
    for file in
        [&shown["files"]["source"], &shown["files"]["pictures"]["background"], &shown["files"]["assets"]["matte"]]
    {
        assert!(folder.join(file.as_str().expect("a key")).is_file(), "{shown}");
    }

    let repeated = only_stdout_of(&data, &["jobs", "retry", &job]);
    let repeated = repeated.trim_end();
    let shown: Value = serde_json::from_str(&only_stdout_of(&data, &["jobs", "show", repeated])).expect("JSON");
    assert_eq!((&shown["retry_of"], &shown["external_id"]), (&json!(job), &json!("order 1")), "{shown}");
    // The running server would take it within a minute. The next one takes it at once.
    server.kill();
    let server = Server::start(&data, &["--workers", "1"]);
    assert_eq!(server.poll(&key, repeated)["status"], "done");
    assert_eq!(ids(&only_stdout_of(&data, &["jobs", "list", "--status", "done"])), [repeated, &job]);
}
