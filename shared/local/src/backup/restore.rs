//! Restoring a backup.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::copy::{Copier, is_empty_or_missing};
use super::error::BackupError;
use super::manifest::{FILES, Manifest, ManifestFile};
use super::progress::BackupProgress;
use crate::data_dir::DataDir;
use crate::disk::sync_folder;
use crate::error::StoreError;
use crate::private::temporary_folder;

/// A backup that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreSummary {
    /// The version of Cutline that took it.
    pub version: String,
    /// When it was begun.
    pub taken_at: Timestamp,
    /// The number of jobs.
    pub jobs: u64,
    /// The number of keys.
    pub keys: u64,
    /// The number of files, with the database.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// The number of stored objects that the backup lacks.
    pub missing: usize,
}

/// Restores the backup in `source` as the data folder `target`, all of it or nothing. The data folder must not exist, or
/// must be empty. It is built next to its place and then renamed; a killed restore leaves a folder
/// `.cutline-restore-…` there, which can be removed.
///
/// # Errors
/// [`BackupError`] if the backup is incomplete, damaged or of a newer version, if the data folder is in use or not
/// empty, or on a fault of the disk.
pub fn restore(
    source: &Path,
    target: &Path,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<RestoreSummary, BackupError> {
    let manifest = Manifest::read(source)?;
    let target = std::path::absolute(target).map_err(StoreError::at(target))?;
    check_target(&target)?;
    let parent = target.parent().ok_or_else(|| BackupError::DataNotEmpty(target.clone()))?;
    fs::create_dir_all(parent).map_err(StoreError::at(parent))?;
    // Removed again unless everything succeeds.
    let built = temporary_folder(parent, ".cutline-restore-").map_err(StoreError::at(parent))?;
    copy_all(source, built.path(), &manifest.files, progress)?;
    put_in_place(built.path(), &target)?;
    // Its name is gone, so there is nothing to remove.
    let _ = built.keep();
    sync_folder(parent)?;
    let bytes = manifest.bytes();
    Ok(RestoreSummary {
        version: manifest.cutline,
        taken_at: manifest.started_at,
        jobs: manifest.jobs,
        keys: manifest.keys,
        files: manifest.files.len(),
        bytes,
        missing: manifest.missing.len(),
    })
}

/// Checks that nothing uses the data folder, and that it is missing or empty.
fn check_target(target: &Path) -> Result<(), BackupError> {
    if let Some(folder) = DataDir::existing(target) {
        drop(folder.lock()?);
    }
    if is_empty_or_missing(target)? { Ok(()) } else { Err(BackupError::DataNotEmpty(target.to_owned())) }
}

fn copy_all(
    source: &Path,
    target: &Path,
    files: &[ManifestFile],
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<(), BackupError> {
    let mut copier = Copier::new(source, target);
    copier.ensure_folder(Path::new(FILES))?;
    for (done, expected) in (1..).zip(files) {
        let path = PathBuf::from(&expected.path);
        let copied = copier.copy(&path)?;
        if !copied.is_some_and(|file| file.bytes == expected.bytes && file.sha256 == expected.sha256) {
            return Err(BackupError::Damaged(source.join(path)));
        }
        progress(BackupProgress::Files { done, total: files.len() as u64 });
    }
    Ok(copier.sync()?)
}

/// Renames the finished folder. Also replaces an empty one.
fn put_in_place(built: &Path, target: &Path) -> Result<(), BackupError> {
    match fs::rename(built, target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Err(BackupError::DataNotEmpty(target.to_owned())),
        Err(error) => Err(StoreError::at(target)(error).into()),
    }
}
