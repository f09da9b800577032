//! The AWS APIs on a loopback port, for the duration of a test step: `xtask/py/aws.py`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::tools::Tools;
use crate::workspace::root;

/// A running emulator. It serves as long as its standard input is open, so it ends with this value, and with this program
/// even if that is killed.
pub(crate) struct Emulator {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
}

impl Emulator {
    /// Starts an emulator without resources or access control, and waits until it answers.
    pub(crate) fn start(tools: &Tools) -> Result<Self> {
        let log = root().join("target/tools/aws.log");
        let mut child = Command::new(tools.program("python"))
            .arg(root().join("xtask/py/aws.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).context("cannot create the emulator's log")?)
            .spawn()
            .context("cannot start the AWS emulator")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).context("cannot read the AWS emulator's address")?;
        }
        let report: serde_json::Value = serde_json::from_str(&line)
            .with_context(|| format!("the AWS emulator did not start; see {}", log.display()))?;
        let endpoint = report["endpoint"].as_str().context("the AWS emulator printed no address")?.to_owned();
        Ok(Self { child, endpoint })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Its exit status does not matter.
        let _ = self.child.wait();
    }
}
