//! Another runtime for the networks, in one long-lived process: its models stay loaded, and its times cover the runs alone.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use cutline_imaging::models::Model;
use serde::Deserialize;

/// A running `engine_peer.py`.
pub(crate) struct Peer {
    name: &'static str,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// The report on a run.
#[derive(Deserialize)]
pub(crate) struct Answer {
    /// The runtime's version.
    pub(crate) version: String,
    /// The duration of the run, in seconds.
    pub(crate) seconds: f64,
    /// The peak memory of the process so far, in MB.
    pub(crate) peak: f64,
}

/// A run: a network from the models' folder, a number of threads, and a file with the input tensor.
#[derive(Clone, Copy)]
pub(crate) struct Task<'t> {
    pub(crate) models: &'t Path,
    pub(crate) model: Model,
    pub(crate) threads: usize,
    pub(crate) input: &'t Path,
}

impl Peer {
    /// Starts the runtime `name`, as `engine_peer.py` calls it.
    pub(crate) fn start(python: &Path, name: &'static str) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("py/engine_peer.py");
        let mut command = Command::new(python);
        command.arg(script).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let requests = child.stdin.take().context("the peer has no input")?;
        let answers = BufReader::new(child.stdout.take().context("the peer has no output")?);
        Ok(Self { name, child, requests, answers })
    }

    /// The runtime's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Runs a network once.
    pub(crate) fn run(&mut self, task: Task<'_>) -> Result<Answer> {
        self.ask(task, None)
    }

    /// Runs a network once and returns its output. The peer writes it to `file`.
    pub(crate) fn output(&mut self, task: Task<'_>, file: PathBuf) -> Result<Vec<f32>> {
        self.ask(task, Some(&file))?;
        let bytes = fs::read(&file).with_context(|| format!("cannot read the output of {}", self.name))?;
        let (values, rest) = bytes.as_chunks::<4>();
        ensure!(rest.is_empty(), "the output of {} is not a tensor", self.name);
        Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
    }

    fn ask(&mut self, task: Task<'_>, to: Option<&Path>) -> Result<Answer> {
        let Task { models, model, threads, input } = task;
        let mut request = serde_json::json!({
            "model": models.join(model.file), "output": model.output, "threads": threads, "input": input,
        });
        if let Some(to) = to {
            request["to"] = serde_json::to_value(to)?;
        }
        writeln!(self.requests, "{request}").with_context(|| format!("cannot write to {}", self.name))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).with_context(|| format!("cannot read from {}", self.name))?;
        ensure!(!line.is_empty(), "{} ended", self.name);
        serde_json::from_str(&line).with_context(|| format!("cannot read from {}", self.name))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
