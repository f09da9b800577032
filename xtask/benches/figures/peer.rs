//! The networks by another runtime, in a process that is started once: its models stay loaded, and nothing but the runs
//! themselves is in its times.

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
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

/// What it tells of a run.
#[derive(Deserialize)]
pub(crate) struct Answer {
    /// The runtime's version.
    pub(crate) version: String,
    /// How long the run took.
    pub(crate) seconds: f64,
    /// The most memory that the process ever had, in MB.
    pub(crate) peak: f64,
}

/// What is run: a network of the folder of models, on so many threads, with the tensor in a file.
#[derive(Clone, Copy)]
pub(crate) struct Task<'t> {
    pub(crate) models: &'t Path,
    pub(crate) model: Model,
    pub(crate) threads: usize,
    pub(crate) input: &'t Path,
}

impl Peer {
    /// Starts it with the runtime `name`, as `engine_peer.py` calls it.
    pub(crate) fn start(python: &Path, name: &'static str) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("py/engine_peer.py");
        let mut command = Command::new(python);
        command.arg(script).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {name}"))?;
        let asked = child.stdin.take().context("a pipe to the peer")?;
        let told = BufReader::new(child.stdout.take().context("a pipe from the peer")?);
        Ok(Self { name, child, asked, told })
    }

    /// The runtime's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Runs a network once.
    pub(crate) fn run(&mut self, task: Task<'_>) -> Result<Answer> {
        self.ask(task, None)
    }

    /// The same; also what the network said. `file` is where it is left.
    pub(crate) fn output(&mut self, task: Task<'_>, file: PathBuf) -> Result<Vec<f32>> {
        self.ask(task, Some(&file))?;
        let bytes = fs::read(&file).with_context(|| format!("reading what {} made", self.name))?;
        let (values, rest) = bytes.as_chunks::<4>();
        ensure!(rest.is_empty(), "{} made no tensor", self.name);
        Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
    }

    fn ask(&mut self, task: Task<'_>, to: Option<&Path>) -> Result<Answer> {
        let Task { models, model, threads, input } = task;
        let mut question = serde_json::json!({
            "model": models.join(model.file), "output": model.output, "threads": threads, "input": input,
        });
        if let Some(to) = to {
            question["to"] = serde_json::to_value(to)?;
        }
        writeln!(self.asked, "{question}").with_context(|| format!("asking {}", self.name))?;
        let mut line = String::new();
        self.told.read_line(&mut line).with_context(|| format!("reading what {} tells", self.name))?;
        ensure!(!line.is_empty(), "{} ended", self.name);
        serde_json::from_str(&line).with_context(|| format!("reading what {} tells", self.name))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
