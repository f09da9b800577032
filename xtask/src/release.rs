//! The previous release: its commit, and its programs, built from a copy of its source under `target/releases`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::steps::run_program;
use crate::workspace::{cargo, fetch_models, root};

/// The arguments of its build. In 0.1.0, no feature needs a library of the machine; from 0.2.0 on, these are those of this
/// release.
const BUILD: [&str; 4] = ["--release", "--workspace", "--all-features", "--locked"];

/// The version of the previous release. Its tag is `v` and this.
const VERSION: &str = "0.1.0";

/// The commit of that tag, for clones without tags. Change both together; see "Make a release" in CONTRIBUTING.md.
const COMMIT: &str = "ff296bddf8eac98602bccc318de24ff7bb5047fa";

/// Why something that needs the previous release is skipped.
pub(crate) const NOT_IN_CLONE: &str = "the previous release's source is not in this clone";

/// A release that was built.
pub(crate) struct Release {
    /// Its version, such as `0.1.0`.
    pub(crate) version: String,
    /// Its commit.
    pub(crate) commit: String,
    /// The folder of its programs.
    pub(crate) programs: PathBuf,
    /// The folder of its models: a later release may prepare them in another form.
    pub(crate) models: PathBuf,
}

/// The commit of a revision, by default of the previous release. `None` if this clone does not have it.
pub(crate) fn find(revision: Option<&str>) -> Result<Option<String>> {
    if let Some(revision) = revision {
        return resolve(revision);
    }
    let tag = format!("v{VERSION}");
    let tagged = resolve(&tag)?;
    if let Some(tagged) = &tagged {
        ensure!(tagged == COMMIT, "the tag {tag} is {tagged}, and xtask/src/release.rs says {COMMIT}; correct one");
    }
    Ok(tagged.or(resolve(COMMIT)?))
}

/// The full id of a commit that is in this clone.
fn resolve(revision: &str) -> Result<Option<String>> {
    let commit = format!("{revision}^{{commit}}");
    let output = git().args(["rev-parse", "--verify", "--quiet", &commit]).output();
    let output = output.context("cannot run git")?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

fn git() -> Command {
    let mut command = Command::new("git");
    command.current_dir(root()).stderr(Stdio::null()).stdin(Stdio::null());
    command
}

/// Builds all programs of a commit. Its first build compiles all dependencies.
///
/// This workspace must be built.
pub(crate) fn build(commit: &str) -> Result<Release> {
    let folder = root().join("target/releases").join(commit);
    let source = folder.join("source");
    copy_source(commit, &folder, &source)?;
    let target = folder.join("target");
    eprintln!("\n==> build {commit}");
    run_program(cargo().current_dir(&source).env("CARGO_TARGET_DIR", &target).arg("build").args(BUILD).arg("--bins"))?;
    let programs = target.join("release");
    let models = copy_models(&folder, &programs)?;
    Ok(Release { version: version_of(&source)?, commit: commit.to_owned(), programs, models })
}

/// Copies the files of a commit. Not a worktree of Git's, which ends as soon as `target` is in another clone, as CI's
/// cache is.
fn copy_source(commit: &str, folder: &Path, source: &Path) -> Result<()> {
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(());
    }
    if source.exists() {
        fs::remove_dir_all(source).context("cannot remove a partial copy of a release")?;
    }
    fs::create_dir_all(source).context("cannot create a folder under target/releases")?;
    let mut archive = git()
        .args(["archive", "--format=tar", commit])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run git archive")?;
    let files = archive.stdout.take().context("git archive has no output")?;
    let unpacked = Command::new("tar").args(["-x", "-C"]).arg(source).stdin(files).status();
    let (unpacked, archived) = (unpacked.context("cannot run tar")?, archive.wait()?);
    ensure!(unpacked.success() && archived.success(), "cannot copy the files of {commit}");
    File::create(&complete).context("cannot mark a copy of a release as complete")?;
    Ok(())
}

/// Gives the release a folder of models of its own, with the downloads of this workspace. It downloads what it lacks.
fn copy_models(folder: &Path, programs: &Path) -> Result<PathBuf> {
    let models = folder.join("models");
    fs::create_dir_all(&models).context("cannot create a folder of models")?;
    for entry in fs::read_dir(fetch_models()?).context("cannot list the models")? {
        let entry = entry?;
        let copy = models.join(entry.file_name());
        if entry.file_type()?.is_file() && !copy.exists() {
            fs::copy(entry.path(), &copy).with_context(|| format!("cannot write {}", copy.display()))?;
        }
    }
    // It checks the copies, and prepares them in its own form.
    run_program(Command::new(programs.join("cutline")).args(["models", "fetch", "--dir"]).arg(&models))?;
    Ok(models)
}

/// The version in the manifest of a workspace.
fn version_of(source: &Path) -> Result<String> {
    let manifest = fs::read_to_string(source.join("Cargo.toml")).context("the release has no Cargo.toml")?;
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    Ok(version.context("the release's Cargo.toml names no version")?.to_owned())
}

/// The folder of what a release recorded.
pub(crate) fn recordings(version: &str) -> PathBuf {
    root().join("shared/core/tests/data/releases").join(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_previous_release_is_recorded() -> Result<()> {
        for backend in ["aws", "local"] {
            let path = recordings(VERSION).join(format!("{backend}.json"));
            let text = fs::read_to_string(&path)
                .with_context(|| format!("no {}; run `cargo xtask record-release`", path.display()))?;
            let recording: serde_json::Value = serde_json::from_str(&text)?;
            assert_eq!(recording["release"], VERSION, "{backend}");
            assert_eq!(recording["commit"], COMMIT, "{backend}");
        }
        Ok(())
    }

    #[test]
    fn finds_commits_by_name_and_no_others() -> Result<()> {
        let head = find(Some("HEAD"))?.context("a clone has a HEAD")?;
        assert_eq!(find(Some(&head))?, Some(head));
        assert_eq!(find(Some("no-such-tag"))?, None);
        Ok(())
    }
}
