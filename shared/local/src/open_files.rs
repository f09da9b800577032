//! Notices that files of an open store were removed, renamed or replaced.
//!
//! A process keeps writing to an open file that has lost its name, and everything written there is gone when the
//! process ends. So the store compares names with files around every write, and refuses to work once they differ: an
//! acknowledged write is then always in the file that the next start opens. A look takes microseconds.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::StoreError;

/// Identifies a file or folder, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file or folder that now has this name.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// The files and folders of an open store.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    files: Vec<(PathBuf, FileId)>,
    /// The one that was lost. This is final: another program may have written in its place by now, so that the open
    /// file and its companions no longer match even if it comes back.
    lost: OnceLock<PathBuf>,
}

impl OpenFiles {
    /// Remembers which files have these names now.
    pub(crate) fn remember(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, StoreError> {
        let mut files = Vec::new();
        for path in paths {
            let id = FileId::of(&path).map_err(StoreError::at(&path))?;
            files.push((path, id));
        }
        Ok(Self { files, lost: OnceLock::new() })
    }

    /// Checks that the files still have their names. The first loss is logged.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if one has not, now or at an earlier check.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if let Some(path) = self.lost.get() {
            return Err(StoreError::Lost(path.clone()));
        }
        for (path, id) in &self.files {
            let is_lost = match FileId::of(path) {
                Ok(found) => found != *id,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => true,
                Err(error) => return Err(StoreError::at(path)(error)),
            };
            if is_lost {
                if self.lost.set(path.clone()).is_ok() {
                    tracing::error!(
                        path = %path.display(),
                        "a file of the store was removed or replaced; nothing is accepted any more: put it back and \
                         restart the server"
                    );
                }
                return Err(StoreError::Lost(path.clone()));
            }
        }
        Ok(())
    }
}

/// Checks that no file of several stores was lost.
pub(crate) fn check_all(stores: &[Arc<OpenFiles>]) -> Result<(), StoreError> {
    stores.iter().try_for_each(|files| files.check())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_noticed_and_final() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, aside) = (folder.path().join("file"), folder.path().join("aside"));
        fs::write(&file, "1").expect("a file");
        let open = || OpenFiles::remember([folder.path().to_owned(), file.clone()]).expect("exist");
        let (removed, replaced) = (open(), open());
        removed.check().expect("all there");
        fs::rename(&file, &aside).expect("is renamed");
        assert!(removed.check().is_err_and(|error| matches!(error, StoreError::Lost(path) if path == file)));
        fs::write(&file, "2").expect("another file");
        assert!(replaced.check().is_err_and(|error| error.is_transient()));
        fs::rename(&aside, &file).expect("is renamed back");
        assert!(replaced.check().is_err() && removed.check().is_err());
        open().check().expect("a new start finds it");
    }
}
