//! Commands to a running deployment.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cutline_deployment::{Function, children};
use serde_json::Value;
use tokio::time::sleep;

use crate::control::FUNCTION_ERROR;
use crate::state::State;

/// How long `down` waits for the end of the deployment: a picture in work is given up, so it ends soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends an event to a function and prints the answer.
pub(crate) async fn invoke(folder: &Path, event: &Path, function: Option<&str>) -> Result<()> {
    let function = match function {
        Some(name) => Function::named(name).with_context(|| {
            format!("unknown function: {name}; the functions are {}", Function::ALL.map(Function::name).join(", "))
        })?,
        None => Function::of_event(&event.file_name().unwrap_or_default().to_string_lossy())?,
    };
    let body = std::fs::read(event).with_context(|| format!("cannot read {}", event.display()))?;
    let state = State::read(folder)?;
    let url = format!("{}/2015-03-31/functions/{}/invocations", state.control_url, function.logical_id());
    let answer = reqwest::Client::new().post(url).body(body).send().await;
    let answer = answer.context("the deployment does not answer; end it with `cargo xtask lambda down`")?;
    let (status, failed) = (answer.status(), answer.headers().contains_key(FUNCTION_ERROR));
    let body: Value = serde_json::from_slice(&answer.bytes().await?).context("the answer is not JSON")?;
    ensure!(status.is_success(), "{}", body["message"].as_str().unwrap_or("the deployment refused the event"));
    ensure!(!failed, "{}", body["errorMessage"].as_str().unwrap_or("the function failed"));
    println!("{body:#}");
    Ok(())
}

/// Ends the deployment.
pub(crate) async fn down(folder: &Path) -> Result<()> {
    let state = State::read(folder)?;
    if reqwest::Client::new().post(format!("{}/stop", state.control_url)).send().await.is_ok() {
        let begun = Instant::now();
        while state.processes.iter().any(|process| process.is_running()) && begun.elapsed() < PATIENCE {
            sleep(Duration::from_millis(100)).await;
        }
    }
    end_the_rest(&state)?;
    State::remove(folder)?;
    println!("the deployment has ended");
    Ok(())
}

/// Kills what a killed deployment left behind: its processes and their children, which would outlive them.
pub(crate) fn end_the_rest(state: &State) -> Result<()> {
    for process in state.processes.iter().filter(|process| process.is_running()) {
        kill_family(process.id)?;
    }
    Ok(())
}

fn kill_family(process: u32) -> Result<()> {
    let family = children(process);
    // It may have ended by itself.
    Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .stderr(Stdio::null())
        .status()
        .context("cannot run kill")?;
    family.into_iter().try_for_each(kill_family)
}
