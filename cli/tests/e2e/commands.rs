//! `cutline keys`, and invalid settings.

use serde_json::json;

use crate::command_line::{run, stdout_of};
use crate::http::Request;
use crate::pictures;
use crate::server::{Data, Server, cutline};

#[test]
fn creates_lists_and_revokes_keys_while_a_server_runs() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let own_key = server.key();
    let other_key = stdout_of(&data, &["keys", "create", "--owner", "other", "--label", "other key", "--credits", "1"]);
    let other_key = other_key.trim();

    let job = server.upload(own_key, "coffee.jpg", &pictures::photo());
    assert_eq!(server.status(own_key, &job).status, 200);
    let response = server.status(other_key, &job);
    assert_eq!((response.status, response.json()), (404, json!({"error": "not_found"})), "another owner's job");

    let second = server.post().key(other_key).json(&json!({"file_url": "https://example.com/a", "mode": "background"}));
    assert_eq!(second.send().status, 202);
    let third = server.post().key(other_key).json(&json!({"file_url": "https://example.com/a", "mode": "background"}));
    let response = third.send();
    assert_eq!((response.status, response.json()), (402, json!({"error": "insufficient_credits"})));

    let list = stdout_of(&data, &["keys", "list"]);
    assert!(!list.contains(own_key) && !list.contains(other_key), "the list shows no secret: {list}");
    let line = list.lines().find(|line| line.ends_with("other key")).expect("the key");
    let id = line.split(' ').next().expect("an id");
    stdout_of(&data, &["keys", "revoke", id]);
    assert_eq!(server.status(other_key, &job).status, 401, "revoked at once");
    assert_eq!(server.status(own_key, &job).status, 200);

    stdout_of(&data, &["keys", "create", "--owner", "other", "--credits", "unlimited"]);
    let empty = Data::new();
    let output = run(&empty, &["keys", "list"]);
    assert!(!output.status.success() && !empty.path().exists(), "a mistyped folder is not created: {output:?}");

    let unknown = run(&data, &["keys", "revoke", "000000000000"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no key has the id"));
}

#[test]
fn the_printed_link_has_a_key_for_the_pages_alone() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let key = server.page_key.as_deref().expect("the key of the link");
    assert_ne!(key, server.key());
    let job = server.upload(key, "coffee.jpg", &pictures::photo());
    let ask = |key: &str, method, path: &str| Request::new(method, server.url(path)).key(key).send();
    for path in ["/api/v1/account", "/api/v1/params", "/api/v1/jobs", &format!("/api/v1/jobs/{job}")] {
        assert_eq!(ask(key, "GET", path).status, 200, "{path}");
    }
    let set = "/api/v1/params/summer";
    let put = |key| Request::new("PUT", server.url(set)).key(key).json(&json!({"outputs": ["background"]})).send();
    assert_eq!(put(key).status, 403);
    for (method, path) in [
        ("DELETE", set.to_owned()),
        ("DELETE", format!("/api/v1/jobs/{job}")),
        ("POST", format!("/api/v1/jobs/{job}/retry")),
        ("POST", format!("/api/v1/jobs/{job}/webhook")),
    ] {
        let refused = ask(key, method, &path);
        assert_eq!((refused.status, &refused.json()["error"]), (403, &json!("forbidden")), "{method} {path}");
    }
    assert_eq!(server.status(key, &job).status, 200, "nothing was deleted");
    assert_ne!(put(server.key()).status, 403, "the other key may");

    let list = stdout_of(&data, &["keys", "list"]);
    let scopes: Vec<_> = list.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert!(scopes.len() == 2 && ["full", "desk"].iter().all(|scope| scopes.contains(scope)), "{list}");
}

#[test]
fn names_the_flag_or_the_variable_of_an_invalid_setting() {
    let data = Data::new();
    for (flag, variable, value) in [
        ("--listen", "CUTLINE_LISTEN", "nowhere"),
        ("--workers", "CUTLINE_WORKERS", "many"),
        ("--threads", "CUTLINE_THREADS", "0"),
        ("--stop-grace-seconds", "CUTLINE_STOP_GRACE_SECONDS", "601"),
        ("--public-url", "CUTLINE_PUBLIC_URL", "ftp://example.com"),
        ("--retention-days", "CUTLINE_RETENTION_DAYS", "0"),
        ("--max-connections-per-address", "CUTLINE_MAX_CONNECTIONS_PER_ADDRESS", "0"),
        ("--max-stored-bytes-per-owner", "CUTLINE_MAX_STORED_BYTES_PER_OWNER", "10G"),
        ("--cors-origin", "CUTLINE_CORS_ORIGINS", "https://example.com/path"),
    ] {
        let from_flag = run(&data, &["serve", &format!("{flag}={value}")]);
        let error = String::from_utf8_lossy(&from_flag.stderr).into_owned();
        assert!(!from_flag.status.success() && error.contains(flag) && !error.contains(variable), "{error}");

        let from_variable = cutline(&data.path()).arg("serve").env(variable, value).output().expect("runs");
        let error = String::from_utf8_lossy(&from_variable.stderr).into_owned();
        assert!(!from_variable.status.success() && error.contains(flag) && error.contains(variable), "{error}");
    }
    let output = cutline(&data.path()).arg("serve").env("CUTLINE_ALLOW_PRIVATE_SOURCES", "flase").output();
    let error = String::from_utf8_lossy(&output.expect("runs").stderr).into_owned();
    assert!(error.contains("CUTLINE_ALLOW_PRIVATE_SOURCES"), "{error}");
    let output = run(&data, &["serve", "--backend", "aws", "--max-stored-bytes-per-owner", "10GB"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("needs the local backend"), "{error}");
    let output = cutline(&data.path()).arg("serve").env("CUTLINE_LOG", "cutline=loudly").output();
    let error = String::from_utf8_lossy(&output.expect("runs").stderr).into_owned();
    assert!(error.contains("CUTLINE_LOG"), "{error}");
    assert!(!data.path().exists(), "no data folder was created");
}
