//! `cutline serve` as a child process that is killed and started again, always on the same port.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::http::Request;
use crate::processes::signal;

/// Jobs at the same time. One may wait for a slow host while the other works.
const WORKERS: &str = "2";
/// The longest start, in which the models are mapped. Generous, for a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest orderly stop. The program allows its jobs 25 s by default, and itself 15 s more. Generous, for a busy machine.
const STOP_TIMEOUT: Duration = Duration::from_secs(300);
/// The part of the log that a message shows, in bytes.
const LOG_TAIL: usize = 1500;

/// Where the server works.
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) watched: PathBuf,
    pub(crate) models: PathBuf,
    pub(crate) log: PathBuf,
}

/// The server. Killed on drop.
pub(crate) struct Server {
    pub(crate) settings: Settings,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// A server that is not started yet.
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        Ok(Self { settings, port: free_port()?, child: Mutex::default() })
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The program, without this environment's settings.
    fn cutline(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CUTLINE_")) {
            command.env_remove(name);
        }
        command.env("CUTLINE_DATA_DIR", &self.settings.data).env("CUTLINE_MODELS_DIR", &self.settings.models);
        command.stdin(Stdio::null());
        command
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn start(&self) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.settings.log).context("cannot open the log")?;
        let child = self
            .cutline()
            .args(["serve", "--log", "info", "--workers", WORKERS, "--allow-private-sources", "--watch"])
            .arg(&self.settings.watched)
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .stdout(log.try_clone().context("cannot share the log")?)
            .stderr(log)
            .spawn()
            .context("cannot run cutline serve")?;
        *self.lock() = Some(child);
        let started = Instant::now();
        while !self.answers() {
            if let Some(status) = self.ended_on_its_own() {
                bail!("the server ended while it started: {status}\n{}", self.log_tail());
            }
            ensure!(started.elapsed() < START_TIMEOUT, "the server does not answer\n{}", self.log_tail());
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        Request::new("GET", self.url("/api/v1/status")).try_send().is_ok_and(|response| response.status == 401)
    }

    /// The process, if it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// The exit status of a server that nobody stopped.
    pub(crate) fn ended_on_its_own(&self) -> Option<ExitStatus> {
        let mut child = self.lock();
        let status = child.as_mut()?.try_wait().ok()??;
        *child = None;
        Some(status)
    }

    /// Kills the process, as a power cut would.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.lock().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops the server in order.
    pub(crate) fn stop(&self) -> Result<()> {
        let Some(mut child) = self.lock().take() else { bail!("the server does not run") };
        signal(child.id(), "TERM");
        let started = Instant::now();
        while started.elapsed() < STOP_TIMEOUT {
            if let Some(status) = child.try_wait().context("cannot wait for the server")? {
                ensure!(status.success(), "an orderly stop failed: {status}\n{}", self.log_tail());
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
        bail!("the server does not stop within {} s\n{}", STOP_TIMEOUT.as_secs(), self.log_tail())
    }

    /// Creates a key of this owner, and returns its secret.
    pub(crate) fn create_key(&self, owner: &str, credits: u64) -> Result<String> {
        let mut command = self.cutline();
        command.args(["keys", "create", "--owner", owner, "--credits", &credits.to_string()]);
        let output = command.output().context("cannot run cutline keys")?;
        ensure!(output.status.success(), "cutline keys failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Has the owner's jobs report to this URL.
    pub(crate) fn set_webhook(&self, owner: &str, url: &str) -> Result<()> {
        let mut command = self.cutline();
        command.args(["owners", "set", owner, "--allow-private-sources", "--webhook-url", url]);
        let output = command.output().context("cannot run cutline owners")?;
        ensure!(output.status.success(), "cutline owners failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = fs::read(&self.settings.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A free port below those that the system gives to connections: while the server is down, a connection could otherwise
/// get its port and connect to itself.
fn free_port() -> Result<u16> {
    let offset = u16::try_from(std::process::id() % 5000).unwrap_or_default();
    let mut ports = (20_000 + offset)..30_000;
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).context("no port is free")
}
