//! `cutline owners`: credits and rate limits, set while a server runs.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::command_line::{error_of, stdout_of};
use crate::pictures;
use crate::server::{Data, Server, cutline};

#[track_caller]
fn show(data: &Data, owner: &str) -> Value {
    serde_json::from_str(&stdout_of(data, &["owners", "show", owner])).expect("JSON")
}

#[test]
fn sets_credits_and_a_rate_limit_while_a_server_runs() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let key = stdout_of(&data, &["keys", "create", "--owner", "shop-1"]);
    let (key, photo) = (key.trim(), pictures::photo());
    let upload = || server.post().key(key).form(&[("mode", "background")], Some(("coffee.jpg", &photo))).send();

    stdout_of(&data, &["owners", "set", "shop-1", "--credits", "5"]);
    assert_eq!(upload().status, 202);
    stdout_of(&data, &["owners", "set", "shop-1", "--credits", "+3"]);
    stdout_of(&data, &["owners", "set", "shop-1", "--credits", "-6", "--requests-per-minute", "2"]);
    let shown = show(&data, "shop-1");
    let bytes = photo.len();
    let expected = json!({
        "owner": "shop-1", "credits": 1, "requests_per_minute": 2, "review": "off", "webhook_url": null, "webhook_secrets": [],
        "stored_bytes": bytes, "keys": 1,
    });
    assert_eq!(shown, expected);

    // A minute may end between two requests, but not between all of them.
    let refused = (0..5).map(|_| upload()).find(|answer| answer.status == 429).expect("a refused request");
    assert_eq!(refused.json()["error"], "rate_limited");
    stdout_of(&data, &["keys", "create", "--owner", "shop-1", "--credits", "9"]);
    stdout_of(&data, &["owners", "set", "shop-1", "--credits", "unlimited"]);
    let shown = show(&data, "shop-1");
    assert_eq!((&shown["credits"], &shown["requests_per_minute"]), (&Value::Null, &json!(2)), "{shown}");
    assert_eq!(shown["keys"], 2);
    stdout_of(&data, &["owners", "set", "shop-1", "--requests-per-minute", "unlimited"]);
    assert_eq!(upload().status, 202, "at once");

    let list = stdout_of(&data, &["owners", "list"]);
    assert!(list.starts_with("owner ") && list.lines().any(|line| line.starts_with("shop-1 ")), "{list}");

    let uncounted = error_of(&data, &["owners", "set", "shop-1", "--credits", "+1"]);
    assert!(uncounted.contains("not counted"), "{uncounted}");
    stdout_of(&data, &["owners", "set", "shop-1", "--credits", "2"]);
    let too_few = error_of(&data, &["owners", "set", "shop-1", "--credits", "-3"]);
    assert!(too_few.contains("at most 2"), "{too_few}");
    for arguments in [&["owners", "show", "shop-2"][..], &["owners", "set", "shop-2", "--credits", "1"]] {
        assert!(error_of(&data, arguments).contains("unknown owner"), "{arguments:?}");
    }
    assert!(error_of(&data, &["owners", "set", "shop-1"]).contains("nothing to set"));

    let mut revoke = cutline(&data.path())
        .args(["keys", "revoke", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    writeln!(revoke.stdin.take().expect("a pipe"), "{key}").expect("written");
    let output = revoke.wait_with_output().expect("ends");
    assert!(output.status.success() && String::from_utf8_lossy(&output.stderr).contains("shop-1"), "{output:?}");
    assert_eq!(upload().status, 401);

    let log = stdout_of(&data, &["owners", "audit", "shop-1", "--json"]);
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().expect("an action")).collect();
    assert_eq!((actions.len(), actions[0], actions[actions.len() - 1]), (10, "key.revoked", "key.created"), "{log}");
    assert_eq!(entries[1]["detail"], json!({"credits": "2"}), "the newest first: {log}");
    assert!(entries.iter().all(|entry| entry["actor"] == "command-line") && !log.contains(key), "{log}");
    assert_eq!(stdout_of(&data, &["owners", "audit", "shop-1", "--limit", "3"]).lines().count(), 4, "and the heading");
    assert!(error_of(&data, &["owners", "audit", "shop-2"]).contains("unknown owner"));
}
