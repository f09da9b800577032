//! The data folder, and the lock that admits one server at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::disk::sync_folder;
use crate::error::{OpenError, StoreError};

/// A data folder. The crate's documentation lists its contents.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Opens the folder. Creates a missing one with access for its owner only; an existing one keeps its permissions.
    ///
    /// # Errors
    /// [`StoreError::File`] if it cannot be created.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path = std::path::absolute(path).map_err(StoreError::at(path))?;
        create_with_parents(&path)?;
        Ok(Self { path })
    }

    /// The folder, if it already contains a database.
    pub fn existing(path: &Path) -> Option<Self> {
        let folder = Self { path: std::path::absolute(path).ok()? };
        folder.database().is_file().then_some(folder)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.path.join("cutline.db")
    }

    /// The folder of stored objects.
    pub fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    /// The file with the secret that signs links.
    pub fn link_secret(&self) -> PathBuf {
        self.path.join("link-secret")
    }

    /// Makes this process the folder's only server for as long as the lock is held. The operating system releases it
    /// when the process ends, however it ends.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another process holds it.
    pub fn lock(&self) -> Result<Lock, OpenError> {
        Lock::acquire(&self.path.join("lock"), &self.path)
    }
}

/// Creates a folder and its missing parents, and syncs each name.
fn create_with_parents(folder: &Path) -> Result<(), StoreError> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    if !parent.is_dir() {
        create_with_parents(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => sync_folder(parent),
        Err(_) if folder.is_dir() => {
            // A process that created it may have crashed before syncing. If the parent is unreadable, it was not ours.
            let _ = sync_folder(parent);
            Ok(())
        }
        Err(error) => Err(StoreError::at(folder)(error)),
    }
}

/// The right to be a folder's only server.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the file at `path`, which stands for `folder`.
    ///
    /// # Errors
    /// [`OpenError::InUse`] with the folder if another process holds the lock.
    pub(crate) fn acquire(path: &Path, folder: &Path) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::Store(StoreError::at(path)(error));
        let mut file = File::options().create(true).write(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // The process id is only for people. On a full disk it cannot be written, and the server must start all the
        // same, since it is what frees space.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
