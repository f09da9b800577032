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
        fs::write(file(folder), serde_json::to_vec_pretty(self)?).context("cannot write the state")
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
    /// The running process with this number.
    pub(crate) fn running(id: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may hold anything. The start is the 20th field after it.
        let (_, fields) = text.rsplit_once(')')?;
        Some(Self { id, started: fields.split_whitespace().nth(19)?.parse().ok()? })
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
}
