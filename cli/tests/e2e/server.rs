//! `cutline serve` as a child process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Request, Response};

/// Longer than any step of a test takes, even on a slow and busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);

/// The folder of the models.
pub(crate) fn models() -> PathBuf {
    let folder = std::env::var_os("CUTLINE_MODELS_DIR")
        .expect("CUTLINE_MODELS_DIR names the folder of the models: run `cargo xtask test e2e`");
    PathBuf::from(folder)
}

/// A setting of the tests, such as the path of a program.
#[track_caller]
pub(crate) fn setting(variable: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test e2e`"))
}

/// The program, without this environment's settings.
pub(crate) fn cutline(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CUTLINE_")) {
            command.env_remove(name);
        }
    }
    command.env("CUTLINE_DATA_DIR", data).env("CUTLINE_MODELS_DIR", models()).stdin(Stdio::null());
    command
}

/// A data folder, which outlives its servers.
pub(crate) struct Data {
    folder: TempDir,
}

impl Data {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

/// A running server, killed on drop.
pub(crate) struct Server {
    child: Child,
    base: String,
    /// The API key, printed at the first start in the folder.
    pub(crate) key: Option<String>,
    /// The key in the link to the web pages, printed together with the other.
    pub(crate) page_key: Option<String>,
    log: PathBuf,
    _data: Option<Data>,
}

impl Server {
    /// Starts a server in the data folder, and waits until it listens.
    #[track_caller]
    pub(crate) fn start(data: &Data, arguments: &[&str]) -> Self {
        let log = File::options().create(true).append(true).open(data.log()).expect("a log");
        let mut child = cutline(&data.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "info"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("its output");
        let mut server = Self { child, base: String::new(), key: None, page_key: None, log: data.log(), _data: None };
        let mut printed = String::new();
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("text");
            printed.push_str(&line);
            printed.push('\n');
            if let Some((_, base)) = line.split_once(" listens on ") {
                base.clone_into(&mut server.base);
            }
            if let Some((_, key)) = line.split_once("#key=") {
                server.page_key = Some(key.trim().to_owned());
            }
            if line.trim().starts_with("ck_") {
                server.key = Some(line.trim().to_owned());
            }
            if line.contains("/api/v1/status?") {
                assert!(server.base.starts_with("http://127.0.0.1:"), "{printed}");
                return server;
            }
        }
        let _ = server.child.wait();
        panic!("the server ended:\n{printed}\n{}", server.log());
    }

    /// The API key, printed at the first start.
    #[track_caller]
    pub(crate) fn key(&self) -> &str {
        self.key.as_deref().expect("a first start")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn post(&self) -> Request<'static> {
        Request::new("POST", self.url("/api/v1/upload"))
    }

    /// Uploads a photo. Returns the job's id.
    #[track_caller]
    pub(crate) fn upload(&self, key: &str, name: &str, bytes: &[u8]) -> String {
        accepted(&self.post().key(key).form(&[("mode", "background")], Some((name, bytes))).send())
    }

    /// Submits the URL of a photo. Returns the job's id.
    #[track_caller]
    pub(crate) fn upload_url(&self, key: &str, url: &str) -> String {
        accepted(&self.post().key(key).json(&json!({"file_url": url, "mode": "background"})).send())
    }

    #[track_caller]
    pub(crate) fn status(&self, key: &str, job: &str) -> Response {
        Request::new("GET", self.url(&format!("/api/v1/status?job_id={job}"))).key(key).send()
    }

    /// Polls at growing intervals, as the original's published client does, until `state` is `done`.
    #[track_caller]
    pub(crate) fn poll(&self, key: &str, job: &str) -> Value {
        self.poll_at_most_every(Duration::from_secs(1), key, job, |status| status["state"] == "done")
    }

    /// Polls at short intervals, so that no step of a job is missed, until the status is `enough`.
    #[track_caller]
    pub(crate) fn poll_until(&self, key: &str, job: &str, enough: impl Fn(&Value) -> bool) -> Value {
        self.poll_at_most_every(Duration::from_millis(20), key, job, enough)
    }

    /// Polls until the status is `enough`, and checks that progress never decreases.
    #[track_caller]
    fn poll_at_most_every(&self, longest: Duration, key: &str, job: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        let mut interval = Duration::from_millis(20);
        let mut progress = 0;
        loop {
            let response = self.status(key, job);
            assert_eq!(response.status, 200, "{response:?}");
            let status = response.json();
            let now = status["progress"].as_u64().expect("progress");
            assert!((progress..=100).contains(&now), "progress went from {progress} to {now}");
            progress = now;
            if enough(&status) {
                return status;
            }
            assert!(started.elapsed() < TIMEOUT, "the job hangs: {status}\n{}", self.log());
            sleep(interval);
            interval = (interval * 3 / 2).min(longest);
        }
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the process ends");
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    }

    /// Waits for the process to end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child") {
                return status;
            }
            assert!(started.elapsed() < TIMEOUT, "the server does not stop:\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
    }

    /// The log of all servers in this data folder.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The id of an accepted job.
#[track_caller]
pub(crate) fn accepted(response: &Response) -> String {
    assert_eq!(response.status, 202, "{response:?}");
    let body = response.json();
    assert_eq!((&body["status"], &body["mode"]), (&json!("queued"), &json!("background")), "{body}");
    body["job_id"].as_str().expect("an id").to_owned()
}

/// The server for tests that only send requests. It allows private sources, and ends with the last test that uses it.
pub(crate) fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let data = Data::new();
    let mut server = Server::start(&data, &["--allow-private-sources", "--cors-origin", "https://shop.example.com"]);
    server._data = Some(data);
    let server = Arc::new(server);
    *shared = Arc::downgrade(&server);
    server
}
