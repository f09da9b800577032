//! Webhooks of a server, verified by the reference libraries of Standard Webhooks.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Request;
use crate::pictures;
use crate::server::{Data, Server, TIMEOUT, cutline, setting};

/// `docs/webhooks.md` shows these lines. The programs read a JSON document with `secret`, `body` and `headers`.
const PYTHON: &str = "event = Webhook(secret).verify(body, headers)";
const NODE: &str = "const event = new Webhook(secret).verify(body, headers);";

/// A request that a receiver got.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Received {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Received {
    fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A receiver that answers with these statuses in turn, and then with 204.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hooks/cutline", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let (noted, mut statuses) = (received.clone(), statuses.iter().copied());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                // A killed server breaks off its request.
                let Ok((first, received)) = read_request(&stream) else { continue };
                let status = if first.starts_with("POST ") {
                    noted.lock().expect("not poisoned").push(received);
                    statuses.next().unwrap_or(204)
                } else {
                    404
                };
                let answer = format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, received }
    }

    /// Waits until this many requests have come.
    #[track_caller]
    fn wait(&self, count: usize) -> Vec<Received> {
        let started = Instant::now();
        loop {
            let received = self.received.lock().expect("not poisoned").clone();
            if received.len() >= count {
                return received;
            }
            assert!(started.elapsed() < TIMEOUT, "{} of {count} webhooks came", received.len());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Reads a request: its first line, and the rest.
fn read_request(stream: &TcpStream) -> io::Result<(String, Received)> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut first = String::new();
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((first, Received { headers, body: String::from_utf8(body).expect("text") }))
}

#[track_caller]
fn stdout_of(data: &Data, arguments: &[&str]) -> String {
    let output = cutline(&data.path()).args(arguments).output().expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a verifying program. Returns whether it accepts the webhook.
fn verifies(program: &mut Command, secret: &str, received: &Received) -> bool {
    let mut child =
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let input = json!({"secret": secret, "body": received.body, "headers": received.headers});
    child.stdin.take().expect("a pipe").write_all(input.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ends");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.trim() == "valid" || printed.trim() == "invalid", "{output:?}");
    printed.trim() == "valid"
}

/// A server with an owner whose webhooks go to this receiver, the owner's key, and the secret.
fn server_for(data: &Data, receiver: &Receiver) -> (Server, String, String) {
    let server = Server::start(data, &["--workers", "1", "--allow-private-sources"]);
    let key = stdout_of(data, &["keys", "create", "--owner", "shop-1"]).trim().to_owned();
    let set = ["owners", "set", "shop-1", "--allow-private-sources", "--webhook-url", &receiver.url];
    let secret = stdout_of(data, &set).trim().to_owned();
    assert!(secret.starts_with("whsec_") && secret.lines().count() == 1, "{secret}");
    (server, key, secret)
}

/// A job that fails soon: its source answers 404.
fn failing_job(server: &Server, key: &str, receiver: &Receiver) -> String {
    server.upload_url(key, &receiver.url)
}

fn job(server: &Server, key: &str, id: &str) -> Value {
    Request::new("GET", server.url(&format!("/api/v1/jobs/{id}"))).key(key).send().json()
}

/// Waits until the server has noted that a job's webhook was delivered, and returns how the job shows it.
#[track_caller]
fn delivered(server: &Server, key: &str, id: &str) -> Value {
    let started = Instant::now();
    loop {
        let shown = job(server, key, id)["webhook"].clone();
        if shown["state"] == "delivered" {
            return shown;
        }
        assert!(started.elapsed() < TIMEOUT, "{shown}\n{}", server.log());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends webhooks of a done and of a failed job, and has the reference library verify them.
fn a_reference_library_verifies_webhooks(program: impl Fn() -> Command) {
    let (data, receiver) = (Data::new(), Receiver::start(&[]));
    let (server, key, secret) = server_for(&data, &receiver);
    let done = server.upload(&key, "coffee.jpg", &pictures::photo());
    let failed = failing_job(&server, &key, &receiver);
    let received = receiver.wait(2);
    for (id, kind) in [(&done, "job.done"), (&failed, "job.failed")] {
        let webhook = received.iter().find(|one| one.event()["data"]["job_id"] == json!(id)).expect("a webhook");
        let event = webhook.event();
        assert_eq!(event["type"], kind, "{event}");
        let mut status = server.status(&key, id).json();
        let mut sent = event["data"].clone();
        for body in [&mut status, &mut sent] {
            let body = body.as_object_mut().expect("an object");
            // Links differ from request to request.
            for name in ["final_urls", "assets", "expires_at"] {
                assert_eq!(
                    body.remove(name).is_some_and(|value| !value.is_null()),
                    kind == "job.done",
                    "{name} {body:?}"
                );
            }
        }
        assert_eq!(sent, status, "the data is the status");
        assert!(verifies(&mut program(), &secret, webhook), "{webhook:?}");
        let altered = Received { body: webhook.body.replace("job", "jib"), ..webhook.clone() };
        assert!(!verifies(&mut program(), &secret, &altered), "an altered body");
        assert!(!verifies(&mut program(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook), "another secret");
    }

    delivered(&server, &key, &done);
    let new = stdout_of(&data, &["owners", "set", "shop-1", "--rotate-secret"]).trim().to_owned();
    assert_ne!(new, secret);
    let again = Request::new("POST", server.url(&format!("/api/v1/jobs/{done}/webhook"))).key(&key).send();
    assert_eq!(again.status, 202, "{again:?}");
    let third = receiver.wait(3).pop().expect("three");
    let first = received.iter().find(|one| one.event()["data"]["job_id"] == json!(done)).expect("a webhook");
    assert_eq!((third.id(), &third.event()["timestamp"]), (first.id(), &first.event()["timestamp"]), "the same event");
    assert_eq!(third.headers["webhook-signature"].split(' ').count(), 2, "two active secrets");
    for secret in [&secret, &new] {
        assert!(verifies(&mut program(), secret, &third), "{third:?}");
    }
}

mod python {
    use super::*;

    #[test]
    fn the_reference_library_verifies_webhooks() {
        let program = format!(
            "import json, sys\nfrom standardwebhooks.webhooks import Webhook, WebhookVerificationError\n\
             sent = json.load(sys.stdin)\nsecret, body, headers = sent['secret'], sent['body'], sent['headers']\n\
             try:\n    {PYTHON}\n    print('valid' if event == json.loads(body) else 'other')\n\
             except WebhookVerificationError:\n    print('invalid')\n"
        );
        a_reference_library_verifies_webhooks(|| {
            let mut command = Command::new(setting("CUTLINE_TEST_WEBHOOKS_PYTHON"));
            command.args(["-c", &program]);
            command
        });
    }
}

mod node {
    use super::*;

    #[test]
    fn the_reference_library_verifies_webhooks() {
        let program = format!(
            "const {{ Webhook, WebhookVerificationError }} = require('standardwebhooks');\n\
             const {{ secret, body, headers }} = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n\
             try {{\n    {NODE}\n    console.log(JSON.stringify(event) === JSON.stringify(JSON.parse(body)) ? 'valid' : 'other');\n\
             }} catch (error) {{\n    if (!(error instanceof WebhookVerificationError)) throw error;\n    console.log('invalid');\n}}\n"
        );
        a_reference_library_verifies_webhooks(|| {
            let mut command = Command::new(setting("CUTLINE_TEST_NODE"));
            command.env("NODE_PATH", setting("CUTLINE_TEST_NODE_MODULES")).args(["-e", &program]);
            command
        });
    }
}

#[test]
fn the_documentation_shows_the_verified_lines() {
    let page = include_str!("../../../docs/webhooks.md");
    for line in [PYTHON, NODE] {
        assert!(page.contains(line), "{line}");
    }
}

#[test]
fn a_webhook_is_sent_again_after_a_failure_and_after_a_kill() {
    let (data, receiver) = (Data::new(), Receiver::start(&[500]));
    let (server, key, _) = server_for(&data, &receiver);
    let first = failing_job(&server, &key, &receiver);
    let received = receiver.wait(2);
    assert_eq!(received[0].id(), received[1].id());
    assert_eq!(received[0].body, received[1].body, "nothing differs, since there are no links");
    assert_eq!(delivered(&server, &key, &first)["attempts"], 2);

    // Killed at once: the job or its webhook is resumed at the next start.
    let second = failing_job(&server, &key, &receiver);
    server.kill();
    let server = Server::start(&data, &["--workers", "1", "--allow-private-sources"]);
    let received = receiver.wait(3);
    assert_eq!(received[2].event()["data"]["job_id"], json!(second));
    let shown = delivered(&server, &key, &second);
    assert_eq!((&shown["type"], &shown["last_status"]), (&json!("job.failed"), &json!(204)), "{shown}");
    assert!(!server.log().contains("whsec_"), "the log shows a secret");
}

#[test]
fn owners_show_and_remove_their_webhook_and_bad_urls_are_refused() {
    let (data, receiver) = (Data::new(), Receiver::start(&[]));
    let (server, key, secret) = server_for(&data, &receiver);
    let show = || stdout_of(&data, &["owners", "show", "shop-1"]);
    let shown: Value = serde_json::from_str(&show()).expect("JSON");
    assert_eq!(shown["webhook_url"], receiver.url);
    assert_eq!(shown["webhook_secrets"].as_array().map(Vec::len), Some(1), "{shown}");
    assert!(!show().contains(&secret["whsec_".len()..]), "the secret is not shown again");
    for url in ["http://example.com/", "https://127.0.0.1/", "https://169.254.169.254/", "https://a:b@example.com/"] {
        let set = ["owners", "set", "shop-1", "--webhook-url", url];
        let output = cutline(&data.path()).args(set).output().expect("the program runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && error.contains("--webhook-url"), "{url}: {error}");
    }
    assert_eq!(stdout_of(&data, &["owners", "set", "shop-1", "--webhook-url", "none"]), "");
    let log = stdout_of(&data, &["owners", "audit", "shop-1", "--json"]);
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let changes: Vec<_> =
        entries.filter(|entry| entry["action"] == "owner.changed").map(|entry| entry["detail"].clone()).collect();
    let expected = [json!({"webhook_url": "none"}), json!({"webhook_secret": "created", "webhook_url": "127.0.0.1"})];
    assert_eq!(changes, expected, "the newest first, and no refused ones");
    let id = failing_job(&server, &key, &receiver);
    server.poll(&key, &id);
    assert_eq!(job(&server, &key, &id).get("webhook"), None);
    let none = Request::new("POST", server.url(&format!("/api/v1/jobs/{id}/webhook"))).key(&key).send();
    assert_eq!((none.status, &none.json()["error"]), (409, &json!("no_webhook")));
}
