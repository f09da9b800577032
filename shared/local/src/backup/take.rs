//! Taking a backup.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use cutline_core::domain::job::Source;
use cutline_core::domain::mask::JobMask;
use cutline_core::{Job, StorageKey};
use jiff::Timestamp;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::copy::{Copier, checksum, files_below, is_empty_or_missing};
use super::error::BackupError;
use super::manifest::{DATABASE, FILES, LINK_SECRET, Manifest, ManifestFile, SnapshotCounts, object_path};
use super::progress::BackupProgress;
use crate::connection::connect;
use crate::data_dir::DataDir;
use crate::error::{OpenError, StoreError};
use crate::files::UPLOADS;
use crate::private::create_file;
use crate::schema;
use crate::upload_files::file_name;
use crate::upload_records;

/// Pages that are copied between two reports of progress: 1 MB.
const PAGES_PER_STEP: i32 = 256;
/// Pause before a page that is in use is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// A backup that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSummary {
    /// The number of jobs.
    pub jobs: u64,
    /// The number of keys.
    pub keys: u64,
    /// The number of files, with the database.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// The number of stored objects that were removed before they could be copied.
    pub missing: usize,
}

/// Backs up the data folder `data` into the folder `target`, also while a server uses it. An interrupted backup leaves a
/// folder without a manifest.
///
/// # Errors
/// [`BackupError::NoData`], [`BackupError::TargetNotEmpty`], [`BackupError::TargetInside`], or a fault of the database
/// or the disk.
pub fn back_up(
    data: &Path,
    target: &Path,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<BackupSummary, BackupError> {
    let folder = DataDir::existing(data).ok_or_else(|| BackupError::NoData(data.to_owned()))?;
    let target = prepare_target(&folder, target)?;
    let started_at = Timestamp::now();
    // First the database: every job in it has stored its files before.
    let counts = snapshot(&folder, &target, progress)?;
    let mut files = vec![checksum(&target, DATABASE)?];
    let mut copier = Copier::new(folder.path(), &target);
    files.extend(copier.copy(Path::new(LINK_SECRET))?);
    let missing = copy_objects(&folder, &target, &mut copier, &mut files, progress)?;
    copier.sync()?;
    let manifest = Manifest::new(started_at, counts, files, missing);
    manifest.write(&target)?;
    let (files, missing) = (manifest.files.len(), manifest.missing.len());
    Ok(BackupSummary { jobs: counts.jobs, keys: counts.keys, files, bytes: manifest.bytes(), missing })
}

/// Creates the target, or checks that it is empty.
fn prepare_target(data: &DataDir, target: &Path) -> Result<PathBuf, BackupError> {
    let target = std::path::absolute(target).map_err(StoreError::at(target))?;
    let known = target.canonicalize().unwrap_or_else(|_| target.clone());
    let inside = data.path().canonicalize().map_err(StoreError::at(data.path()))?;
    if known.starts_with(inside) || target.starts_with(data.path()) {
        return Err(BackupError::TargetInside(target));
    }
    if !is_empty_or_missing(&target)? {
        return Err(BackupError::TargetNotEmpty(target));
    }
    // Created, or made private.
    DataDir::open(&target)?;
    Ok(target)
}

/// Copies the database as it is at one moment.
fn snapshot(
    folder: &DataDir,
    target: &Path,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<SnapshotCounts, BackupError> {
    let (path, copy) = (folder.database(), target.join(DATABASE));
    let failed = |error| OpenError::Database { path: path.clone(), error };
    let source = connect(&path).map_err(failed)?;
    source.pragma_update(None, "query_only", true)?;
    // One read transaction for all steps: without it, every write of the server would start the copy over.
    source.execute_batch("BEGIN")?;
    let schema = schema::version_of(&source, &path)?;
    create_file(&copy).map_err(StoreError::at(&copy))?;
    let mut target = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        let step = backup.step(PAGES_PER_STEP)?;
        let pages = backup.progress();
        let [done, total] = [pages.pagecount - pages.remaining, pages.pagecount].map(|n| u64::try_from(n).unwrap_or(0));
        progress(BackupProgress::Database { done, total });
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            _ => sleep(BUSY_PAUSE),
        }
    }
    drop(backup);
    source.execute_batch("ROLLBACK")?;
    // A single file, without a log next to it.
    target.pragma_update(None, "journal_mode", "delete")?;
    let verdict: String = target.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Record(format!("{} is damaged: {verdict}", path.display())).into());
    }
    let count = |table: &str| -> rusqlite::Result<u64> {
        target
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
    };
    Ok(SnapshotCounts { schema, jobs: count("jobs")?, keys: count("keys")? })
}

/// Copies the stored objects of the snapshot's jobs. Returns those that the records name and that are missing.
fn copy_objects(
    folder: &DataDir,
    target: &Path,
    copier: &mut Copier<'_>,
    files: &mut Vec<ManifestFile>,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<Vec<StorageKey>, BackupError> {
    let snapshot = Connection::open_with_flags(target.join(DATABASE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let total: i64 = snapshot.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0))?;
    let mut query = snapshot.prepare("SELECT id, document FROM jobs ORDER BY id")?;
    let mut rows = query.query([])?;
    let (mut missing, mut done) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (id, document): (String, String) = (row.get(0)?, row.get(1)?);
        // A record that this release cannot read is kept with whatever files it has.
        let mut expected = serde_json::from_str(&document).map(|job| objects_of(&job)).unwrap_or_default();
        let mut paths = paths_of(folder, &id)?;
        paths.extend(serde_json::from_str(&document).ok().and_then(|job| upload_of(&snapshot, &job)));
        for path in paths {
            let Some(file) = copier.copy(&path)? else { continue };
            expected.retain(|key| object_path(key) != path);
            files.push(file);
        }
        missing.extend(expected);
        done += 1;
        progress(BackupProgress::Files { done, total: total.unsigned_abs() });
    }
    Ok(missing)
}

/// The paths of the objects that are stored for a job, whichever attempt stored them.
fn paths_of(folder: &DataDir, id: &str) -> Result<Vec<PathBuf>, StoreError> {
    let inputs = id.parse().ok().into_iter().flat_map(StorageKey::inputs);
    let mut paths: Vec<_> = inputs.map(|key| object_path(&key)).collect();
    let mut others = files_below(folder.path(), &Path::new(FILES).join("jobs").join(id))?;
    if let Ok(job) = id.parse() {
        others.extend(files_below(folder.path(), &Path::new(FILES).join(StorageKey::masks(job)))?);
    }
    // Everything else in there is not Cutline's.
    let is_object = |path: &PathBuf| {
        let key = path.strip_prefix(FILES).ok().and_then(|path| path.to_str());
        key.is_some_and(|key| StorageKey::parse(key).is_some())
    };
    paths.extend(others.into_iter().filter(is_object));
    Ok(paths)
}

/// The path of the direct upload that a pending job will be made from. Once it is copied, the copy is a source like any
/// other.
fn upload_of(snapshot: &Connection, job: &Job) -> Option<PathBuf> {
    let Source::Upload { key, etag } = &job.spec.source else { return None };
    let current = upload_records::version(snapshot, *key).ok().flatten()?;
    let is_needed = !job.has_ended() && current.etag == *etag;
    is_needed.then(|| Path::new(FILES).join(UPLOADS).join(file_name(*key, &current.version)))
}

/// The objects that a job's record names.
fn objects_of(job: &Job) -> Vec<StorageKey> {
    let mut keys = Vec::new();
    if job.spec.source == Source::Stored {
        keys.push(StorageKey::Source { job: job.id });
    }
    keys.extend(masks_of(job).map(|mask| StorageKey::Mask { job: job.id, mask: mask.id }));
    if let Some(outcome) = job.outcome() {
        keys.extend(outcome.pictures.values().map(|picture| picture.key));
        keys.extend(outcome.assets.values().map(|asset| asset.key));
    }
    keys
}

/// The masks that are stored for a job: its own, unless it is still to be fetched, and that of the draft that it replaces.
/// A recut does not fetch the mask of a draft again.
fn masks_of(job: &Job) -> impl Iterator<Item = &JobMask> {
    let draft = job.recut_in_progress().and_then(|(_, draft)| draft.mask.as_ref());
    let is_made = job.outcome().is_some() && !job.is_recutting();
    let own = job.spec.mask.as_ref().filter(|mask| is_made || mask.url().is_none());
    own.into_iter().chain(draft.filter(|draft| own.is_none_or(|own| own.id != draft.id)))
}
