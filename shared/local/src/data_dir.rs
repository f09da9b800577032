//! The data folder, and the lock that admits one server at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::disk::sync_folder;
use crate::error::{OpenError, StoreError};
use crate::private::{create_folder, is_shared, tighten};

const DATABASE: &str = "cutline.db";
const FILES: &str = "files";
const LINK_SECRET: &str = "link-secret";
const LOCK: &str = "lock";

/// A data folder. The crate's documentation lists its contents.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Opens the folder. Creates a missing one with access for its owner only. An existing one, and Cutline's files in
    /// it, lose the permissions of other users.
    ///
    /// # Errors
    /// [`OpenError::Store`] if it cannot be created, [`OpenError::SharedFolder`] if other users can use it and it
    /// contains files of other programs, [`OpenError::NotPrivate`] if its permissions cannot be changed.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = std::path::absolute(path).map_err(StoreError::at(path))?;
        create_with_parents(&path)?;
        let folder = Self { path };
        folder.make_private()?;
        Ok(folder)
    }

    fn make_private(&self) -> Result<(), OpenError> {
        if is_shared(&self.path).map_err(StoreError::at(&self.path))? {
            if let Some(entry) = self.foreign_entry()? {
                return Err(OpenError::SharedFolder { path: self.path.clone(), entry });
            }
            tighten(&self.path)?;
        }
        let files = self.files();
        let folders = ["", "sources", "jobs", "uploads", "tmp"].map(|name| files.join(name));
        [self.link_secret(), self.path.join(LOCK)].iter().chain(&folders).try_for_each(|path| tighten(path))
    }

    /// The name of something in the folder that is not Cutline's.
    fn foreign_entry(&self) -> Result<Option<String>, StoreError> {
        for entry in fs::read_dir(&self.path).map_err(StoreError::at(&self.path))? {
            let name = entry.map_err(StoreError::at(&self.path))?.file_name().to_string_lossy().into_owned();
            // `lost+found` is in the root of every ext file system.
            let is_ours = name.starts_with(DATABASE)
                || name.starts_with(".tmp")
                || [FILES, LINK_SECRET, LOCK, "lost+found"].contains(&name.as_str());
            if !is_ours {
                return Ok(Some(name));
            }
        }
        Ok(None)
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
        self.path.join(DATABASE)
    }

    /// The folder of stored objects.
    pub fn files(&self) -> PathBuf {
        self.path.join(FILES)
    }

    /// The file with the secret that signs links.
    pub fn link_secret(&self) -> PathBuf {
        self.path.join(LINK_SECRET)
    }

    /// Makes this process the folder's only server for as long as the lock is held. The operating system releases it
    /// when the process ends, however it ends.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another process holds it.
    pub fn lock(&self) -> Result<Lock, OpenError> {
        Lock::acquire(&self.path.join(LOCK), &self.path)
    }
}

/// Creates a folder and its missing parents, and syncs each name.
fn create_with_parents(folder: &Path) -> Result<(), StoreError> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    if !parent.is_dir() {
        create_with_parents(parent)?;
    }
    match create_folder(folder) {
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
        let mut options = File::options();
        options.create(true).write(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(failed)?;
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
