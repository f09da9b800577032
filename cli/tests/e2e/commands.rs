//! The commands beside `serve`, and settings that are wrong.

use std::process::Output;

use serde_json::json;

use crate::pictures;
use crate::server::{Data, Server, cutline};

#[track_caller]
fn run(data: &Data, arguments: &[&str]) -> Output {
    cutline(&data.path()).args(arguments).output().expect("the program runs")
}

#[track_caller]
fn printed(data: &Data, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn keys_are_made_listed_and_revoked_beside_a_running_server() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let mine = server.key();
    let theirs = printed(&data, &["keys", "create", "--owner", "other", "--label", "their key", "--credits", "1"]);
    let theirs = theirs.trim();

    let job = server.upload(mine, "coffee.jpg", &pictures::photo());
    assert_eq!(server.status(mine, &job).status, 200);
    let answer = server.status(theirs, &job);
    assert_eq!((answer.status, answer.json()), (404, json!({"error": "not_found"})), "another owner's job");

    let second = server.post().key(theirs).json(&json!({"file_url": "https://example.com/a", "mode": "background"}));
    assert_eq!(second.send().status, 202);
    let third = server.post().key(theirs).json(&json!({"file_url": "https://example.com/a", "mode": "background"}));
    let answer = third.send();
    assert_eq!((answer.status, answer.json()), (402, json!({"error": "insufficient_credits"})));

    let list = printed(&data, &["keys", "list"]);
    assert!(!list.contains(mine) && !list.contains(theirs), "no secret is listed: {list}");
    let line = list.lines().find(|line| line.ends_with("their key")).expect("the key");
    let id = line.split(' ').next().expect("an id");
    printed(&data, &["keys", "revoke", id]);
    assert_eq!(server.status(theirs, &job).status, 401, "revoked at once");
    assert_eq!(server.status(mine, &job).status, 200);

    printed(&data, &["keys", "create", "--owner", "other", "--credits", "unlimited"]);
    let elsewhere = Data::new();
    let nothing = run(&elsewhere, &["keys", "list"]);
    assert!(!nothing.status.success() && !elsewhere.path().exists(), "a mistyped folder is not made: {nothing:?}");

    let unknown = run(&data, &["keys", "revoke", "000000000000"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("there is no key"));
}

#[test]
fn a_wrong_setting_is_named_with_the_flag_or_the_variable_that_holds_it() {
    let data = Data::new();
    for (flag, variable, value) in [
        ("--listen", "CUTLINE_LISTEN", "nowhere"),
        ("--workers", "CUTLINE_WORKERS", "many"),
        ("--threads", "CUTLINE_THREADS", "0"),
        ("--public-url", "CUTLINE_PUBLIC_URL", "ftp://example.com"),
        ("--retention-days", "CUTLINE_RETENTION_DAYS", "0"),
        ("--cors-origin", "CUTLINE_CORS_ORIGINS", "https://example.com/path"),
    ] {
        let by_flag = run(&data, &["serve", &format!("{flag}={value}")]);
        let error = String::from_utf8_lossy(&by_flag.stderr).into_owned();
        assert!(!by_flag.status.success() && error.contains(flag) && !error.contains(variable), "{error}");

        let by_variable = cutline(&data.path()).arg("serve").env(variable, value).output().expect("runs");
        let error = String::from_utf8_lossy(&by_variable.stderr).into_owned();
        assert!(!by_variable.status.success() && error.contains(flag) && error.contains(variable), "{error}");
    }
    let output = cutline(&data.path()).arg("serve").env("CUTLINE_ALLOW_PRIVATE_SOURCES", "flase").output();
    let error = String::from_utf8_lossy(&output.expect("runs").stderr).into_owned();
    assert!(error.contains("CUTLINE_ALLOW_PRIVATE_SOURCES"), "{error}");
    let output = cutline(&data.path()).arg("serve").env("CUTLINE_LOG", "cutline=loudly").output();
    let error = String::from_utf8_lossy(&output.expect("runs").stderr).into_owned();
    assert!(error.contains("CUTLINE_LOG"), "{error}");
    assert!(!data.path().exists(), "nothing was made");
}
