//! The Python tools of the tests and figures: the AWS emulator, the SAM translator, the template linters and AWS's Lambda
//! Runtime Interface Emulator.
//!
//! They are installed into virtual environments under `target/tools`. An environment's name is a hash of its pinned
//! requirements, so that changed requirements make a new environment and unchanged ones reuse the old.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::workspace::root;

/// A virtual environment with the packages of one requirements file.
pub(crate) struct Tools {
    venv: PathBuf,
}

impl Tools {
    /// The tools of the tests and the emulators.
    pub(crate) fn for_tests() -> Result<Self> {
        Self::install("xtask/requirements.txt")
    }

    /// The packages of the scorer of mattes.
    pub(crate) fn for_scoring() -> Result<Self> {
        Self::install("xtask/requirements-score.txt")
    }

    /// The library that clicks are compared with.
    pub(crate) fn for_clicks() -> Result<Self> {
        Self::install("xtask/requirements-clicks.txt")
    }

    /// The libraries that the image pipeline is compared with.
    pub(crate) fn for_imaging() -> Result<Self> {
        Self::install("xtask/requirements-imaging.txt")
    }

    /// The runtimes that the engine is compared with.
    pub(crate) fn for_engine() -> Result<Self> {
        Self::install("xtask/requirements-engine.txt")
    }

    /// The programs that check the OpenAPI document.
    pub(crate) fn for_document() -> Result<Self> {
        Self::install("xtask/requirements-document.txt")
    }

    /// The libraries that read the files Cutline writes.
    pub(crate) fn for_formats() -> Result<Self> {
        Self::install("xtask/requirements-formats.txt")
    }

    /// Finds or creates the environment. Concurrent calls wait for each other.
    fn install(file: &str) -> Result<Self> {
        let requirements_path = root().join(file);
        let requirements = fs::read_to_string(&requirements_path).with_context(|| format!("cannot read {file}"))?;
        let python = find_python()?;
        let folder = root().join("target/tools");
        let mut hasher = DefaultHasher::new();
        // Programs in it name its path, so one that was moved is of no use.
        (&requirements, &python.version, &folder).hash(&mut hasher);

        fs::create_dir_all(&folder).context("cannot create target/tools")?;
        let lock = File::create(folder.join("lock")).context("cannot create target/tools/lock")?;
        lock.lock().context("cannot wait for another `cargo xtask` that installs tools")?;

        let venv = folder.join(format!("venv-{:016x}", hasher.finish()));
        let complete = venv.join("complete");
        if !complete.exists() {
            if venv.exists() {
                fs::remove_dir_all(&venv).context("cannot remove a partial installation of tools")?;
            }
            create_venv(python.program, &venv)?;
            pip_install(&venv, &requirements_path, &requirements)?;
            File::create(&complete).context("cannot mark the tools as complete")?;
        }
        Ok(Self { venv })
    }

    /// The path of a program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.venv.join("bin").join(name)
    }

    /// AWS's Lambda Runtime Interface Emulator, which the package of the SAM CLI contains.
    pub(crate) fn lambda_emulator(&self) -> Result<PathBuf> {
        ensure!(cfg!(target_os = "linux"), "unsupported platform: AWS's Lambda emulator runs on Linux only");
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        for version in fs::read_dir(self.venv.join("lib")).context("cannot list the installed tools")? {
            let folder = version?.path().join("site-packages/samcli/local/rapid");
            let emulator = folder.join(format!("aws-lambda-rie-{architecture}"));
            if emulator.exists() {
                return Ok(emulator);
            }
        }
        bail!("aws-sam-cli contains no Lambda emulator aws-lambda-rie-{architecture}")
    }
}

/// The folder of the JavaScript libraries of the tests, installed from their lock file.
pub(crate) fn node_modules() -> Result<PathBuf> {
    let lock = fs::read_to_string(root().join("xtask/npm/package-lock.json")).context("cannot read the lock file")?;
    let mut hasher = DefaultHasher::new();
    lock.hash(&mut hasher);
    let folder = root().join("target/tools").join(format!("npm-{:016x}", hasher.finish()));
    let (modules, complete) = (folder.join("node_modules"), folder.join("complete"));
    if !complete.exists() {
        fs::create_dir_all(&folder).context("cannot create a folder under target/tools")?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(root().join("xtask/npm").join(name), folder.join(name)).context("cannot copy the lock file")?;
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        let output = Command::new("npm").args(npm).current_dir(&folder).stdin(Stdio::null()).output();
        let output = output.context("cannot run npm; on Debian and Ubuntu, run `apt-get install npm`")?;
        let printed = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "npm could not install xtask/npm/package.json:\n{printed}");
        File::create(&complete).context("cannot mark the libraries as complete")?;
    }
    Ok(modules)
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
            _ => eprintln!("xtask: `{program}` is Python {version}, which is too old"),
        }
    }
    bail!("Python is missing: install 3.10 or newer as `python3`")
}

fn create_venv(python: &str, venv: &Path) -> Result<()> {
    let output = Command::new(python).args(["-m", "venv"]).arg(venv).output().context("cannot run python3 -m venv")?;
    ensure!(
        output.status.success(),
        "`{python} -m venv` failed; on Debian and Ubuntu, run `apt-get install python3-venv`:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(())
}

fn pip_install(venv: &Path, requirements_path: &Path, requirements: &str) -> Result<()> {
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
        .context("cannot run pip")?;
    let mut printed = String::new();
    if let Some(stdout) = pip.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("cannot read pip's output")?;
            if let Some(package) = line.strip_prefix("Collecting ") {
                bar.inc(1);
                bar.set_message(package.split(['=', ' ']).next().unwrap_or_default().to_owned());
            } else if line.starts_with("Installing") {
                bar.set_message("installing");
            }
            printed.push_str(&line);
            printed.push('\n');
        }
    }
    // pip writes only warnings here, far less than a pipe holds, so that reading it last cannot block pip.
    if let Some(mut stderr) = pip.stderr.take() {
        stderr.read_to_string(&mut printed).context("cannot read pip's output")?;
    }
    let status = pip.wait().context("cannot wait for pip")?;
    bar.finish_and_clear();
    ensure!(status.success(), "pip could not install {}:\n{printed}", requirements_path.display());
    Ok(())
}
