//! What `up` leaves for the other commands: `state.json` in the folder of the deployment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cutline_deployment::Report;
use serde::{Deserialize, Serialize};

/// A running deployment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// The API's base URL, which ends before `/api/v1`.
    pub(crate) base_url: String,
    /// The address that invokes functions and ends the deployment. Its path is new each time, so that no other program on a
    /// reused port answers.
    pub(crate) control_url: String,
    /// An API key.
    pub(crate) api_key: String,
    /// What the emulator of AWS created.
    pub(crate) report: Report,
    /// The processes that could outlive a killed `up`, and `up` itself.
    pub(crate) processes: Vec<Process>,
}

/// A process, told apart from later ones with the same number by its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) id: u32,
    /// Clock ticks from the machine's start to the process's.
    started: u64,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("state.json")
}

impl State {
    /// The state of the running deployment.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        Self::find(folder)?.context("no deployment is running; start one with `cargo xtask lambda up`")
    }

    /// Like [`State::read`]; `None` if nothing is running.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>> {
        let file = file(folder);
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| format!("invalid state: {}; end its processes and delete the file", file.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("cannot read the state"),
        }
    }

    /// Whether the deployment answers.
    pub(crate) async fn is_running(&self) -> bool {
        reqwest::get(&self.control_url).await.is_ok_and(|answer| answer.status().is_success())
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        // Other commands may read it at any time, so it appears whole.
        let new = folder.join("state.json.new");
        let written = fs::write(&new, serde_json::to_vec_pretty(self)?);
        written.and_then(|()| fs::rename(&new, file(folder))).context("cannot write the state")
    }

    /// Removes the state, if there is one.
    pub(crate) fn remove(folder: &Path) -> Result<()> {
        match fs::remove_file(file(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("cannot remove the state"),
            _ => Ok(()),
        }
    }
}

impl Process {
    /// The running process with this number. One that has ended may still wait for its parent to notice.
    pub(crate) fn running(id: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may hold anything. After it come the state, and the start as the 20th field.
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        let has_ended = matches!(fields.next()?, "Z" | "X");
        let started = fields.nth(18)?.parse().ok()?;
        (!has_ended).then_some(Self { id, started })
    }

    /// Whether it still runs.
    pub(crate) fn is_running(self) -> bool {
        Self::running(self.id) == Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_apart_from_a_later_one_with_its_number() {
        let this = Process::running(std::process::id()).expect("this process runs");
        assert!(this.is_running() && this.started > 0);
        assert!(!Process { started: this.started + 1, ..this }.is_running());
    }

    #[test]
    fn a_process_that_nobody_waited_for_has_ended() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().expect("sleep starts");
        let process = Process::running(child.id()).expect("it runs");
        child.kill().expect("SIGKILL");
        while process.is_running() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(Path::new(&format!("/proc/{}", child.id())).exists(), "it waits for its parent");
        child.wait().expect("it has ended");
    }
}
