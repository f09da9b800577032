//! `cargo xtask lambda`: the program that it becomes, as a developer uses it. It runs a deployment of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cutline_deployment::{program, root};
use serde_json::Value;
use tokio::time::sleep;

use crate::checks::download;
use crate::photo;
use crate::world::World;

/// Longer than any step takes, even on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A deployment in the foreground of a terminal, killed on drop.
pub(crate) struct Up {
    process: Child,
    folder: PathBuf,
    pub(crate) state: Value,
}

/// The program with these arguments, for a deployment in `folder`.
fn lambda(folder: &Path, arguments: &[&OsStr]) -> Result<Command> {
    let mut command = Command::new(program("cutline-deployment")?);
    command.arg("--folder").arg(folder).args(arguments).current_dir(root()).stdin(Stdio::null());
    Ok(command)
}

impl Up {
    /// Starts it on free ports, with these further arguments.
    pub(crate) async fn start(world: &World, arguments: &[&str]) -> Result<Self> {
        let folder = world.log_path("lambda");
        // A killed run may have left its state.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let free = ["up", "--listen", "127.0.0.1:0", "--aws", "127.0.0.1:0"];
        let arguments: Vec<_> = free.iter().chain(arguments).map(OsStr::new).collect();
        let output = fs::File::create(folder.join("up.log"))?;
        let mut command = lambda(&folder, &arguments)?;
        let process = command.stderr(output.try_clone()?).stdout(output).spawn().context("cannot start `up`")?;
        let mut up = Self { process, folder, state: Value::Null };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(state) = fs::read(up.folder.join("state.json")) {
                up.state = serde_json::from_slice(&state)?;
                return Ok(up);
            }
            ensure!(up.process.try_wait()?.is_none(), "`up` has ended: {}", up.log());
            sleep(Duration::from_millis(50)).await;
        }
        bail!("`up` is not ready after {PATIENCE:?}: {}", up.log())
    }

    /// Ends it by `down`.
    pub(crate) fn end(mut self) -> Result<()> {
        self.succeed(&["down"])?;
        ensure!(self.process.wait()?.success(), "`up` failed: {}", self.log());
        Ok(())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("up.log")).unwrap_or_default()
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
        lambda(&self.folder, &arguments)?.output().context("cannot run the program")
    }

    /// Runs a command that must succeed. Returns what it printed.
    fn succeed(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) fn text(&self, pointer: &str) -> Result<&str> {
        self.state.pointer(pointer).and_then(Value::as_str).with_context(|| format!("the state lacks {pointer}"))
    }

    /// The numbers of its processes.
    fn processes(&self) -> Vec<u64> {
        self.state["processes"].as_array().into_iter().flatten().filter_map(|process| process["id"].as_u64()).collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It has ended, unless the scenario failed. Its functions end by `down`.
        if self.process.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.process.kill();
            let _ = self.run(&["down"]);
        }
        let _ = self.process.wait();
    }
}

pub(crate) async fn a_developer_uploads_invokes_drops_and_ends_the_deployment(world: &World) -> Result<()> {
    let mut up = Up::start(world, &[]).await?;
    let (api, key) = (format!("{}/api/v1", up.text("/base_url")?), up.text("/api_key")?.to_owned());
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let get = async |path: &str| -> Result<Value> {
        let answer = client.get(format!("{api}/{path}")).header("X-API-Key", &key).send().await?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    };

    // As curl sends it: the gateway encodes the file.
    let mut body = b"--x\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\nbackground\r\n--x\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\n\r\n"
        .to_vec();
    body.extend(photo::PHOTO);
    body.extend(b"\r\n--x--\r\n");
    let request = client.post(format!("{api}/upload")).header("X-API-Key", &key);
    let answer = request.header("Content-Type", "multipart/form-data; boundary=x").body(body).send().await?;
    ensure!(answer.status() == 202 && answer.headers().contains_key("x-request-id"), "{answer:?}");
    let accepted: Value = serde_json::from_slice(&answer.bytes().await?)?;
    let job = accepted["job_id"].as_str().context("no job_id")?;
    let begun = Instant::now();
    let status = loop {
        let status = get(&format!("status?job_id={job}")).await?;
        if status["state"] == "done" {
            break status;
        }
        ensure!(begun.elapsed() < PATIENCE, "the job did not end: {status}\n{}", up.log());
        sleep(Duration::from_millis(100)).await;
    };
    let (code, bytes) = download(&status["final_urls"]["background"]).await?;
    ensure!(code == 200, "{status}");
    photo::check(&bytes)?;

    // More than Lambda accepts with base64.
    let large = client.post(format!("{api}/upload")).body(vec![0; 5 << 20]).send().await?;
    ensure!(large.status() == 413, "{large:?}");
    let unknown = get("nowhere").await?;
    ensure!(unknown["error"] == "not_found", "the status function does not answer unknown routes: {unknown}");

    let answer: Value = serde_json::from_str(&up.succeed(&["invoke", "events/status-jobs.json"])?)?;
    let listed: Value = serde_json::from_str(answer["body"].as_str().context("no body")?)?;
    ensure!(answer["statusCode"] == 200 && listed["jobs"][0]["job_id"] == job, "{answer}");
    let wrong = up.run(&["invoke", "template.yaml"])?;
    ensure!(
        !wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("unknown function"),
        "{wrong:?}"
    );

    let dropped = up.succeed(&["drop", "xtask/tests/deployed/photo.jpg"])?;
    ensure!(dropped.contains("\"status\": \"done\""), "{dropped}");
    let (_, saved) = dropped.split_once("saved in ").context("no folder")?;
    let saved: Vec<_> = fs::read_dir(saved.trim())?.map(|file| Ok(file?.file_name())).collect::<Result<_>>()?;
    ensure!(saved.len() >= 2 && saved.iter().any(|name| name == "manifest.json"), "{saved:?}");
    let refused = up.run(&["drop", "template.yaml"])?;
    ensure!(!refused.status.success(), "a text became a picture: {}", String::from_utf8_lossy(&refused.stdout));

    let second = up.run(&["up"])?;
    ensure!(String::from_utf8_lossy(&second.stderr).contains("already running"), "{second:?}");
    let processes = up.processes();
    ensure!(processes.len() == 8, "seven functions and the program: {processes:?}");
    up.succeed(&["down"])?;
    ensure!(up.process.wait()?.success(), "`up` failed: {}", up.log());
    ensure!(!up.folder.join("state.json").exists(), "the state is left");
    for process in processes {
        ensure!(!runs(process), "process {process} is left");
    }
    let again = up.run(&["down"])?;
    ensure!(String::from_utf8_lossy(&again.stderr).contains("no deployment is running"), "{again:?}");
    Ok(())
}

/// After the program was killed, its functions still run. `down` ends them.
pub(crate) async fn down_ends_what_a_killed_deployment_left(world: &World) -> Result<()> {
    let mut up = Up::start(world, &[]).await?;
    up.process.kill()?;
    up.process.wait()?;
    let left = || up.processes().into_iter().filter(|id| runs(*id)).count();
    ensure!(left() == 7, "{} processes are left", left());
    up.succeed(&["down"])?;
    ensure!(!up.folder.join("state.json").exists(), "the state is left");
    let begun = Instant::now();
    while left() > 0 {
        ensure!(begun.elapsed() < PATIENCE, "{} processes are left after `down`", left());
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Whether a process has not ended. One that has may wait for its parent to notice, which in a container may be for ever.
fn runs(process: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}
