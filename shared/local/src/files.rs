//! Stored objects as files.
//!
//! An object is written to a temporary file on the same file system, synced, and given its name in one
//! step; then the folder is synced, since the name is the folder's. So an object is there whole or not at
//! all, and one that was acknowledged stays. A write that fails, on a full disk say, removes its temporary
//! file; what a killed process left is removed at the next start.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use cutline_core::StorageKey;
use cutline_core::domain::ids::JobId;
use cutline_core::ports::{Blobs, PortError};
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt as _;

use crate::error::StoreError;

const SOURCES: &str = "sources";
const OUTPUTS: &str = "jobs";
const TEMPORARY: &str = "tmp";
/// The most bytes that a [`StoredFile`] reads at once.
const FRAME: usize = 64 * 1024;

/// [`Blobs`] in a folder.
#[derive(Debug, Clone)]
pub struct LocalFiles {
    root: Arc<PathBuf>,
}

/// An object that is read piece by piece. It stays readable to its end also where it is removed meanwhile.
#[derive(Debug)]
pub struct StoredFile {
    size: u64,
    file: tokio::fs::File,
}

impl StoredFile {
    /// How many bytes the whole object has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the next bytes, at most 64 KB of them; `None` at the end.
    ///
    /// # Errors
    /// What the system says.
    pub async fn next_frame(&mut self) -> io::Result<Option<Bytes>> {
        let mut frame = BytesMut::with_capacity(FRAME);
        let read = self.file.read_buf(&mut frame).await?;
        Ok((read > 0).then(|| frame.freeze()))
    }
}

/// Whether an object takes the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Replace,
    OnlyNew,
}

impl LocalFiles {
    /// Takes a folder, makes it if there is none, and removes temporary files that an earlier process left.
    /// Only for the one server that holds the data folder's lock.
    ///
    /// # Errors
    /// [`StoreError::File`] if the folder cannot be used.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in [root.to_owned(), root.join(SOURCES), root.join(OUTPUTS), root.join(TEMPORARY)] {
            make_folder(&folder)?;
        }
        let temporary = root.join(TEMPORARY);
        for entry in fs::read_dir(&temporary).map_err(StoreError::at(&temporary))? {
            let path = entry.map_err(StoreError::at(&temporary))?.path();
            fs::remove_file(&path).map_err(StoreError::at(&path))?;
        }
        Ok(Self { root: Arc::new(root.to_owned()) })
    }

    /// An object to read piece by piece, or `None` if there is none. Nothing is read yet.
    ///
    /// # Errors
    /// [`PortError`] if the store has a fault.
    pub async fn stored(&self, key: &StorageKey) -> Result<Option<StoredFile>, PortError> {
        let path = self.path(key)?;
        on_disk(move || {
            let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            match opened {
                Ok((size, file)) => Ok(Some(StoredFile { size, file: file.into() })),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(StoreError::at(&path)(error)),
            }
        })
        .await
    }

    /// Where an object lies. Keys are made of ids and fixed names, so this cannot lead out of the folder;
    /// should a key ever be made of more, it is refused here.
    fn path(&self, key: &StorageKey) -> Result<PathBuf, StoreError> {
        let relative = PathBuf::from(key.to_string());
        if relative.components().all(|part| matches!(part, Component::Normal(_))) {
            Ok(self.root.join(relative))
        } else {
            Err(StoreError::at(&relative)(ErrorKind::InvalidInput.into()))
        }
    }

    fn store(&self, key: &StorageKey, bytes: &[u8], place: Place) -> Result<bool, StoreError> {
        let path = self.path(key)?;
        let folder = path.parent().unwrap_or(&self.root);
        let temporary = self.root.join(TEMPORARY);
        let mut file = NamedTempFile::new_in(&temporary).map_err(StoreError::at(&temporary))?;
        // From here on the temporary file removes itself wherever this returns early.
        let written = file.as_file_mut().write_all(bytes).and_then(|()| file.as_file().sync_all());
        written.map_err(StoreError::at(file.path()))?;
        self.make_folders(folder)?;
        let stored = match place {
            Place::Replace => file.persist(&path).map(|_| true).map_err(|error| error.error),
            Place::OnlyNew => match file.persist_noclobber(&path) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            },
        };
        let stored = stored.map_err(StoreError::at(&path))?;
        sync_folder(folder)?;
        Ok(stored)
    }

    /// Makes the folders from the root down to `folder`. The parent of each is synced also where the folder
    /// was there: whoever made it may not have come to that yet.
    fn make_folders(&self, folder: &Path) -> Result<(), StoreError> {
        let Some(parent) = folder.parent().filter(|parent| parent.starts_with(&*self.root)) else { return Ok(()) };
        if parent == &**self.root {
            // Made and synced when the store was opened.
            return Ok(());
        }
        self.make_folders(parent)?;
        make_folder(folder)
    }

    /// Removes the source, the backdrop and every output of a job.
    pub(crate) fn remove_job(&self, job: JobId) -> Result<(), StoreError> {
        self.remove_source(job)?;
        self.remove_outputs(job)
    }

    /// Removes what a job was made of: its source, and the picture behind its subject.
    pub(crate) fn remove_source(&self, job: JobId) -> Result<(), StoreError> {
        for key in [StorageKey::Source { job }, StorageKey::Backdrop { job }] {
            let path = self.path(&key)?;
            gone(fs::remove_file(&path)).map_err(StoreError::at(&path))?;
        }
        Ok(())
    }

    pub(crate) fn remove_outputs(&self, job: JobId) -> Result<(), StoreError> {
        let outputs = self.root.join(OUTPUTS).join(job.to_string());
        gone(fs::remove_dir_all(&outputs)).map_err(StoreError::at(&outputs))
    }

    /// The jobs whose source or backdrop was last written before `time`, each once.
    pub(crate) fn sources_before(&self, time: SystemTime) -> Result<Vec<JobId>, StoreError> {
        let mut jobs = named_before(&self.root.join(SOURCES), time, source_of)?;
        jobs.sort_unstable();
        jobs.dedup();
        Ok(jobs)
    }

    /// The jobs to whose outputs nothing was added after `time`.
    pub(crate) fn outputs_before(&self, time: SystemTime) -> Result<Vec<JobId>, StoreError> {
        named_before(&self.root.join(OUTPUTS), time, |name| name.parse().ok())
    }
}

#[async_trait]
impl Blobs for LocalFiles {
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError> {
        let (files, key) = (self.clone(), *key);
        on_disk(move || files.store(&key, &bytes, Place::Replace)).await.map(|_| ())
    }

    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError> {
        let (files, key) = (self.clone(), *key);
        on_disk(move || files.store(&key, &bytes, Place::OnlyNew)).await
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError> {
        let path = self.path(key)?;
        on_disk(move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::at(&path)(error)),
        })
        .await
    }
}

/// Runs `work` where it may block. It goes on to its end also where the caller stops waiting.
pub(crate) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, PortError> {
    let result = tokio::task::spawn_blocking(work).await;
    Ok(result.unwrap_or_else(|error| Err(if error.is_panic() { StoreError::Panicked } else { StoreError::Closed }))?)
}

/// Makes a folder if there is none, and makes sure that its name lasts.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::at(folder)(error)),
    }
    folder.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::at(folder))
}

/// Whose source or backdrop a file of this name is.
fn source_of(name: &str) -> Option<JobId> {
    match StorageKey::parse(&format!("{SOURCES}/{name}"))? {
        StorageKey::Source { job } | StorageKey::Backdrop { job } => Some(job),
        StorageKey::Output { .. } | StorageKey::Asset { .. } => None,
    }
}

/// The jobs that the entries of a folder are named after, of those last changed before `time`. What bears
/// another name is not ours, and is left alone.
fn named_before(
    folder: &Path,
    time: SystemTime,
    job_of: impl Fn(&str) -> Option<JobId>,
) -> Result<Vec<JobId>, StoreError> {
    let mut jobs = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::at(folder))? {
        let entry = entry.map_err(StoreError::at(folder))?;
        let Some(job) = entry.file_name().to_str().and_then(&job_of) else { continue };
        match entry.metadata().and_then(|metadata| metadata.modified()) {
            Ok(modified) if modified < time => jobs.push(job),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::at(&entry.path())(error)),
        }
    }
    Ok(jobs)
}

/// Removing what is not there is no error.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
