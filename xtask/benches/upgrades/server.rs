//! A running `cutline serve` of either release, and a client of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::sleep;

use crate::releases::Release;

/// How long a server may take to start, to stop, or to bring a job to a step.
const PATIENCE: Duration = Duration::from_secs(180);

/// Where a server works: arguments and environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
}

impl Place {
    /// A data folder, and a folder that is watched for drops.
    pub(crate) fn folder(data: &Path, watched: Option<&Path>) -> Self {
        let text = |path: &Path| path.display().to_string();
        let mut arguments = vec!["--data".to_owned(), text(data)];
        arguments.extend(watched.into_iter().flat_map(|watched| ["--watch".to_owned(), text(watched)]));
        Self { arguments, ..Self::default() }
    }
}

/// A running server, killed on drop.
pub(crate) struct Server {
    process: Child,
    base: String,
    key: String,
    client: reqwest::Client,
}

impl Server {
    /// Starts a server with so many workers, and waits until it answers. `key` is the key of its client.
    pub(crate) async fn start(release: &Release, workers: u16, place: &Place, key: &str, log: &Path) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = command(release, workers, place)
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log)?)
            .spawn()
            .context("cannot start cutline serve")?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build()?;
        let mut server = Self { process, base: format!("http://{address}/api/v1"), key: key.to_owned(), client };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = server.process.try_wait()? {
                bail!("the server ended: {status}; see {}", log.display());
            }
            if server.client.get(format!("{}/status", server.base)).send().await.is_ok() {
                return Ok(server);
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the server does not answer; see {}", log.display())
    }

    /// Sends a form with these fields and this file. Returns the status code and the body.
    pub(crate) async fn upload(&self, fields: &[(&str, &str)], file: Option<&[u8]>) -> Result<(u16, Value)> {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        if let Some(file) = file {
            body.extend(b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\n\r\n");
            body.extend(file);
            body.extend(b"\r\n");
        }
        body.extend(b"--x--\r\n");
        let request = self.client.post(format!("{}/upload", self.base)).header("X-API-Key", &self.key);
        let answer = request.header(CONTENT_TYPE, "multipart/form-data; boundary=x").body(body).send().await?;
        Ok((answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// Uploads, and returns the id of the job.
    pub(crate) async fn accepted(&self, fields: &[(&str, &str)], file: Option<&[u8]>) -> Result<String> {
        let (status, body) = self.upload(fields, file).await?;
        ensure!(status == 202, "{status} {body}");
        Ok(body["job_id"].as_str().context("no job_id")?.to_owned())
    }

    /// The status code and the body of a job's status.
    pub(crate) async fn answer(&self, job: &str) -> Result<(u16, Value)> {
        let request = self.client.get(format!("{}/status?job_id={job}", self.base)).header("X-API-Key", &self.key);
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// The status of a job.
    pub(crate) async fn status(&self, job: &str) -> Result<Value> {
        let (status, body) = self.answer(job).await?;
        ensure!(status == 200, "{job}: {status} {body}");
        Ok(body)
    }

    /// Waits until the `status` of a job is one of these.
    pub(crate) async fn until(&self, job: &str, wanted: &[&str]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let body = self.status(job).await?;
            if body["status"].as_str().is_some_and(|status| wanted.contains(&status)) {
                return Ok(());
            }
            let has_ended = body["state"] == "done";
            ensure!(!has_ended && Instant::now() < deadline, "{job} did not come to be {wanted:?}: {body}");
            sleep(Duration::from_millis(3)).await;
        }
    }

    /// Stores a parameter set.
    pub(crate) async fn put_set(&self, name: &str, set: &Value) -> Result<()> {
        let request = self.client.put(format!("{}/params/{name}", self.base)).header("X-API-Key", &self.key);
        let answer = request.header(CONTENT_TYPE, "application/json").body(set.to_string()).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status} {}", answer.text().await?);
        Ok(())
    }

    /// Suspends the server.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Resumes the server.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().context("cannot run kill")?;
        ensure!(status.success(), "kill {signal} {id} failed");
        Ok(())
    }

    /// Kills the server, as a lack of memory would.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.process.kill().context("cannot kill the server")?;
        self.process.wait().context("cannot wait for the server")?;
        Ok(())
    }

    /// Stops the server in order.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.signal("-TERM")?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                ensure!(status.success(), "the server ended: {status}");
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the server does not stop")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command of a server, with so many workers.
pub(crate) fn command(release: &Release, workers: u16, place: &Place) -> Command {
    let mut command = Command::new(release.program("cutline"));
    command
        .args(["serve", "--threads", "1", "--workers", &workers.to_string()])
        .args(&place.arguments)
        .env_clear()
        .envs(&place.environment)
        .env("CUTLINE_MODELS_DIR", &release.models)
        // The photos come from this machine.
        .env("CUTLINE_ALLOW_PRIVATE_SOURCES", "true");
    command
}

/// The path of a log in this folder.
pub(crate) fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}
