//! The Python tools of the tests and the benchmark: the AWS emulator, the SAM translator, the template linters
//! and AWS's Lambda Runtime Interface Emulator.
//!
//! They live in a virtual environment under `target/tools`, named after the pinned requirements, so a
//! change of those makes a new one and an unchanged one is found ready.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::root;

/// A virtual environment with everything in a file of requirements.
pub(crate) struct Tools {
    venv: PathBuf,
}

impl Tools {
    /// What the tests need.
    pub(crate) fn ready() -> Result<Self> {
        Self::of("xtask/requirements.txt")
    }

    /// What the scorer of a set of mattes needs.
    pub(crate) fn for_scoring() -> Result<Self> {
        Self::of("xtask/requirements-score.txt")
    }

    /// The peers that the image pipeline is measured against.
    pub(crate) fn for_imaging() -> Result<Self> {
        Self::of("xtask/requirements-imaging.txt")
    }

    /// The peers that the networks' engine is measured against.
    pub(crate) fn for_engine() -> Result<Self> {
        Self::of("xtask/requirements-engine.txt")
    }

    /// What reads the files that Cutline writes.
    pub(crate) fn for_formats() -> Result<Self> {
        Self::of("xtask/requirements-formats.txt")
    }

    /// Finds the environment, or makes it. Several of these at once wait for each other.
    fn of(file: &str) -> Result<Self> {
        let requirements_path = root().join(file);
        let requirements = fs::read_to_string(&requirements_path).with_context(|| format!("reading {file}"))?;
        let python = find_python()?;
        let mut hasher = DefaultHasher::new();
        (&requirements, &python.version).hash(&mut hasher);

        let folder = root().join("target/tools");
        fs::create_dir_all(&folder).context("making target/tools")?;
        let lock = File::create(folder.join("lock")).context("making target/tools/lock")?;
        lock.lock().context("waiting for another `cargo xtask` to set the tools up")?;

        let venv = folder.join(format!("venv-{:016x}", hasher.finish()));
        let complete = venv.join("complete");
        if !complete.exists() {
            if venv.exists() {
                fs::remove_dir_all(&venv).context("removing tools that were left half installed")?;
            }
            make(python.program, &venv)?;
            install(&venv, &requirements_path, &requirements)?;
            File::create(&complete).context("marking the tools as complete")?;
        }
        Ok(Self { venv })
    }

    /// A program of the environment, by name.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.venv.join("bin").join(name)
    }

    /// AWS's Lambda Runtime Interface Emulator, which comes inside the SAM command line's package.
    pub(crate) fn lambda_emulator(&self) -> Result<PathBuf> {
        ensure!(cfg!(target_os = "linux"), "AWS's Lambda emulator runs on Linux only");
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        for version in fs::read_dir(self.venv.join("lib")).context("looking into the tools")? {
            let folder = version?.path().join("site-packages/samcli/local/rapid");
            let emulator = folder.join(format!("aws-lambda-rie-{architecture}"));
            if emulator.exists() {
                return Ok(emulator);
            }
        }
        bail!("aws-sam-cli no longer brings the Lambda emulator aws-lambda-rie-{architecture}")
    }
}

struct Python {
    program: &'static str,
    version: String,
}

fn find_python() -> Result<Python> {
    for program in ["python3", "python"] {
        let Ok(output) = Command::new(program).args(["-c", "import sys; print(sys.version)"]).output() else {
            continue;
        };
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let mut numbers = version.split(['.', ' ']).map_while(|number| number.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(3), Some(10..)) => return Ok(Python { program, version }),
            _ => eprintln!("xtask: `{program}` is Python {version}"),
        }
    }
    bail!("the tests need Python 3.10 or newer as `python3`")
}

fn make(python: &str, venv: &Path) -> Result<()> {
    let output = Command::new(python).args(["-m", "venv"]).arg(venv).output().context("running python3 -m venv")?;
    ensure!(
        output.status.success(),
        "`{python} -m venv` failed. On Debian and Ubuntu it needs `apt-get install python3-venv`. It said:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(())
}

fn install(venv: &Path, requirements_path: &Path, requirements: &str) -> Result<()> {
    let packages = requirements.lines().filter(|line| line.contains("==")).count();
    let bar = ProgressBar::new(packages as u64);
    let style = ProgressStyle::with_template("Python tools [{bar:30}] {pos}/{len} {msg}")?;
    bar.set_style(style.progress_chars("=> "));
    eprintln!("Installing {} into {}", requirements_path.display(), venv.display());

    let mut pip = Command::new(venv.join("bin/python"))
        .args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "-r"])
        .arg(requirements_path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("running pip")?;
    let mut said = String::new();
    if let Some(stdout) = pip.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("reading what pip says")?;
            if let Some(package) = line.strip_prefix("Collecting ") {
                bar.inc(1);
                bar.set_message(package.split(['=', ' ']).next().unwrap_or_default().to_owned());
            } else if line.starts_with("Installing") {
                bar.set_message("installing");
            }
            said.push_str(&line);
            said.push('\n');
        }
    }
    // Warnings only, far less than a pipe holds, so reading it after the other cannot block pip.
    if let Some(mut stderr) = pip.stderr.take() {
        stderr.read_to_string(&mut said).context("reading what pip says")?;
    }
    let status = pip.wait().context("waiting for pip")?;
    bar.finish_and_clear();
    ensure!(status.success(), "pip could not install {}:\n{said}", requirements_path.display());
    Ok(())
}
