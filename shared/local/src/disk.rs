//! Blocking file work, and names that survive a crash.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cutline_core::ports::PortError;

use crate::error::StoreError;
use crate::private::create_folder;

/// Runs `work` where it may block. It runs to its end even if the caller stops waiting.
pub(crate) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, PortError> {
    let result = tokio::task::spawn_blocking(work).await;
    Ok(result.unwrap_or_else(|error| Err(error.into()))?)
}

/// Syncs a folder, so that the names in it survive a crash.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::at(folder))
}

/// Creates a folder for its owner only if it is missing. Syncs its parent either way, since the process that created it
/// may have crashed before the sync.
pub(crate) fn ensure_folder(folder: &Path) -> Result<(), StoreError> {
    match create_folder(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::at(folder)(error)),
    }
    folder.parent().map_or(Ok(()), sync_folder)
}

/// Creates the missing folders on `relative` below `root`, and syncs each name. Refuses links on the way.
pub(crate) fn ensure_folders_below(root: &Path, relative: &Path) -> Result<PathBuf, StoreError> {
    let mut folder = root.to_path_buf();
    for name in relative {
        let parent = folder.clone();
        folder.push(name);
        match fs::create_dir(&folder) {
            Ok(()) => sync_folder(&parent)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let metadata = fs::symlink_metadata(&folder).map_err(StoreError::at(&folder))?;
                if !metadata.is_dir() {
                    return Err(StoreError::at(&folder)(ErrorKind::NotADirectory.into()));
                }
            }
            Err(error) => return Err(StoreError::at(&folder)(error)),
        }
    }
    Ok(folder)
}

/// Removes the files in a folder of temporary files. They belong to a process that has ended.
pub(crate) fn remove_temporary_files(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::at(folder))? {
        let path = entry.map_err(StoreError::at(folder))?.path();
        if path.is_file() {
            fs::remove_file(&path).map_err(StoreError::at(&path))?;
        }
    }
    Ok(())
}

/// Treats the removal of something missing as a success.
pub(crate) fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
