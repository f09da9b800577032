//! The folder that holds everything, and the lock that gives it to one server.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::error::{OpenError, StoreError};
use crate::files::sync_folder;

/// A data folder. See the crate's documentation for what lies in it.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Takes the folder, and makes it, for its owner's eyes only, if there is none. A folder that is there
    /// keeps its permissions.
    ///
    /// # Errors
    /// [`StoreError::File`] if it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path = std::path::absolute(path).map_err(StoreError::at(path))?;
        make_all(&path)?;
        Ok(Self { path })
    }

    /// The folder, if it is one in which there is a database already.
    pub fn existing(path: &Path) -> Option<Self> {
        let folder = Self { path: std::path::absolute(path).ok()? };
        folder.database().is_file().then_some(folder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.path.join("cutline.db")
    }

    /// Where stored objects lie.
    pub fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    /// The file with the secret that signs links.
    pub fn link_secret(&self) -> PathBuf {
        self.path.join("link-secret")
    }

    /// Makes this process the one server of the folder, as long as the lock is kept. The system gives the
    /// lock back when the process ends, however it ends.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another process has it.
    pub fn lock(&self) -> Result<Lock, OpenError> {
        Lock::take(&self.path.join("lock"), &self.path)
    }
}

/// Makes a folder and those above it that are missing, so that each of them lasts.
fn make_all(folder: &Path) -> Result<(), StoreError> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    if !parent.is_dir() {
        make_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => sync_folder(parent),
        Err(_) if folder.is_dir() => {
            // Whoever made it may not have come to this. Where the parent may not be read, it was not us.
            let _ = sync_folder(parent);
            Ok(())
        }
        Err(error) => Err(StoreError::at(folder)(error)),
    }
}

/// The right to be the one server of a folder.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes a folder's lock, which is this file.
    ///
    /// # Errors
    /// [`OpenError::InUse`] with the folder if another process has it.
    pub(crate) fn take(path: &Path, folder: &Path) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::Store(StoreError::at(path)(error));
        let mut file = File::options().create(true).write(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only for people who look at the file. On a full disk it fails, and that is no reason not to start:
        // the server is what makes room again.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
