//! The AWS APIs on a loopback port while a test step runs: `xtask/py/aws.py`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::root;
use crate::tools::Tools;

/// A running emulator. It ends when this is dropped, and when this program ends in whatever way, since
/// it serves only as long as its standard input is open.
pub(crate) struct Emulator {
    child: Child,
    /// Where it answers, as `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
}

impl Emulator {
    /// Starts it with no resources and no access control, and waits until it answers.
    pub(crate) fn start(tools: &Tools) -> Result<Self> {
        let log = root().join("target/tools/aws.log");
        let mut child = Command::new(tools.program("python"))
            .arg(root().join("xtask/py/aws.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).context("making the emulator's log")?)
            .spawn()
            .context("starting the AWS emulator")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).context("reading the AWS emulator's address")?;
        }
        let report: serde_json::Value = serde_json::from_str(&line)
            .with_context(|| format!("the AWS emulator did not start, see {}", log.display()))?;
        let endpoint = report["endpoint"].as_str().context("the AWS emulator gave no address")?.to_owned();
        Ok(Self { child, endpoint })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Nothing depends on how it ended.
        let _ = self.child.wait();
    }
}
