//! Direct uploads over HTTP.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Data, Server, TIMEOUT, accepted, shared};

/// Asks for an upload of these bytes.
#[track_caller]
fn grant(server: &Server, bytes: &[u8]) -> Value {
    let body = json!({"content_type": "image/jpeg", "size": bytes.len()});
    let granted = Request::new("POST", server.url("/api/v1/uploads")).key(server.key()).json(&body).send();
    assert_eq!(granted.status, 201, "{granted:?}");
    granted.json()
}

/// Sends the file as the answer says.
fn put(granted: &Value, bytes: &[u8]) -> Response {
    let url = granted["upload_url"].as_str().expect("a link");
    let headers = granted["headers"].as_object().expect("headers").iter();
    let request = Request::new("PUT", url).bytes(bytes);
    headers.fold(request, |request, (name, value)| request.header(name, value.as_str().expect("text"))).send()
}

#[track_caller]
fn send(server: &Server, granted: &Value) -> Response {
    let body = json!({"file_key": granted["file_key"], "mode": "background"});
    server.post().key(server.key()).json(&body).send()
}

/// The names of the files in a folder of the data folder.
fn files(data: &Data, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(data.path().join("files").join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

#[test]
fn a_file_is_sent_to_its_link_and_named_by_its_key() {
    let server = shared();
    let photo = pictures::photo();
    let granted = grant(&server, &photo);
    assert_eq!((&granted["method"], &granted["headers"]), (&json!("PUT"), &json!({"Content-Type": "image/jpeg"})));
    let early = send(&server, &granted);
    assert_eq!(early.status, 422, "{early:?}");
    let stored = put(&granted, &photo);
    assert_eq!(stored.status, 200, "{stored:?}");
    assert!(stored.header("etag").is_some_and(|etag| etag.starts_with('"')), "{stored:?}");
    let status = server.poll(server.key(), &accepted(&send(&server, &granted)));
    assert_eq!(status["status"], "done", "{status}");
    let picture = status["final_urls"]["background"].as_str().expect("a link");
    pictures::check(&Request::new("GET", picture).send().body);
}

#[test]
fn masks_are_uploaded_directly_too() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let uploaded = |bytes: &[u8]| {
        let granted = grant(&server, bytes);
        assert_eq!(put(&granted, bytes).status, 200);
        granted["file_key"].as_str().expect("a key").to_owned()
    };
    let background = |status: &Value| {
        let link = status["draft"]["final_urls"]["background"].as_str().expect("a link");
        Request::new("GET", link).send().body
    };
    let (photo, left, right) =
        (uploaded(&pictures::photo()), uploaded(&pictures::half_mask(true)), uploaded(&pictures::half_mask(false)));
    let body = json!({"file_key": photo, "mask_key": left, "mode": "background", "review": "always"});
    let job = accepted(&server.post().key(server.key()).json(&body).send());
    let first = server.poll_until(server.key(), &job, |status| status["status"] == "pending_review");
    pictures::check_half(&background(&first), true);

    let path = server.url(&format!("/api/v1/jobs/{job}/recut"));
    let recut = Request::new("POST", path).key(server.key()).json(&json!({"revision": 1, "mask_key": right})).send();
    assert_eq!(recut.status, 202, "{recut:?}");
    let second = server.poll_until(server.key(), &job, |status| status["draft"]["revision"] == 2);
    pictures::check_half(&background(&second), false);
}

#[test]
fn a_link_takes_only_the_announced_file() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let photo = pictures::photo();
    let granted = grant(&server, &photo);
    let url = granted["upload_url"].as_str().expect("a link");
    let typed =
        |url: &str, bytes: &[u8]| Request::new("PUT", url).bytes(bytes).header("Content-Type", "image/jpeg").send();
    let refusals = [
        typed(url, &photo[1..]),
        typed(url, &[&photo[..], b"!"].concat()),
        typed(url, b""),
        typed(&url.replace("expires=1", "expires=2"), &photo),
        typed(url.split('?').next().expect("a path"), &photo),
        Request::new("PUT", url).bytes(photo.as_slice()).header("Content-Type", "text/html").send(),
        Request::new("PUT", url).bytes(photo.as_slice()).send(),
    ];
    for refused in refusals {
        assert_eq!((refused.status, &refused.json()["error"]), (403, &json!("forbidden")), "{refused:?}");
        assert!(refused.header("x-request-id").is_some(), "{refused:?}");
    }
    assert_eq!((files(&data, "uploads").len(), files(&data, "tmp").len()), (0, 0));
    assert_eq!(put(&granted, &photo).status, 200);
    assert_eq!(put(&granted, &photo).status, 200, "again");
    assert_eq!((files(&data, "uploads").len(), files(&data, "tmp").len()), (1, 0));
}

#[test]
fn a_file_that_was_replaced_after_the_acceptance_fails_its_job() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let (key, photo) = (server.key().to_owned(), pictures::photo());
    let granted = grant(&server, &photo);
    assert_eq!(put(&granted, &photo).status, 200);
    let job = accepted(&send(&server, &granted));
    let mut other = photo.clone();
    *other.last_mut().expect("a byte") ^= 1;
    assert_eq!(put(&granted, &other).status, 200);
    server.kill();
    let server = Server::start(&data, &[]);
    let status = server.poll(&key, &job);
    assert_eq!((&status["status"], &status["error"]["code"]), (&json!("failed"), &json!("source_changed")), "{status}");
}

#[test]
fn links_begin_with_the_public_url() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0", "--public-url", "https://cut.example.com/api"]);
    let granted = grant(&server, &pictures::photo());
    let link = granted["upload_url"].as_str().expect("a link");
    let expected = format!("https://cut.example.com/api/uploads/{}?", granted["file_key"].as_str().expect("a key"));
    assert!(link.starts_with(&expected), "{link}");
    let body = json!({"file_url": "https://example.com/cup.jpg", "mode": "background"});
    let response = server.post().key(server.key()).json(&body).send();
    let expected = format!("/api/api/v1/status?job_id={}", accepted(&response));
    assert_eq!(response.header("location"), Some(expected.as_str()), "{response:?}");
}

#[test]
fn a_killed_server_leaves_nothing_of_an_unfinished_upload() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let photo = vec![0x55; 2_000_000];
    let granted = grant(&server, &photo);
    let url = granted["upload_url"].as_str().expect("a link").strip_prefix("http://").expect("http").to_owned();
    let (host, path) = url.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("connects");
    let head = format!(
        "PUT /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        photo.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(&photo[..1_000_000]).expect("sent");
    let started = Instant::now();
    while files(&data, "tmp").is_empty() && started.elapsed() < TIMEOUT {
        sleep(Duration::from_millis(10));
    }
    assert_eq!(files(&data, "tmp").len(), 1, "the upload has begun");
    server.kill();
    let _server = Server::start(&data, &["--workers", "0"]);
    assert_eq!((files(&data, "uploads").len(), files(&data, "tmp").len()), (0, 0));
}

mod curl {
    use super::*;
    use crate::server::setting;

    /// The first commands of a page after this text.
    #[track_caller]
    fn commands_after(page: &str, text: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
        let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (_, after) = page.split_once(text).unwrap_or_else(|| panic!("{} lacks {text:?}", path.display()));
        let commands = after.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```"));
        commands.unwrap_or_else(|| panic!("{} has no commands after {text:?}", path.display())).0.to_owned()
    }

    /// The commands of README and of the documentation's section on direct uploads.
    #[test]
    fn the_documented_commands_make_a_job() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let commands = commands_after("docs/api.md", "\n## Direct upload\n");
        assert_eq!(commands_after("README.md", "send files over 4.5 MB by [direct upload]"), commands);
        let server = shared();
        let commands = commands.replace("http://127.0.0.1:8787", &server.url(""));
        let output = std::process::Command::new(setting("CUTLINE_TEST_BASH"))
            .args(["-euo", "pipefail", "-c", &commands])
            .current_dir(root)
            .env("KEY", server.key())
            .env("no_proxy", "127.0.0.1")
            .output()
            .expect("the interpreter runs");
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).expect("text");
        let answer: Value = serde_json::from_str(printed.trim()).unwrap_or_else(|error| panic!("{error}: {printed}"));
        let job = answer["job_id"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let status = server.poll(server.key(), job);
        assert_eq!(status["status"], "done", "{status}");
    }
}
