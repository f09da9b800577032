//! Stored objects as files.
//!
//! An object is written to a temporary file on the same file system, synced, and renamed into place; then its folder
//! is synced. So an object is never partial, and an acknowledged one survives a crash. A failed write, for example on
//! a full disk, removes its temporary file; the next start removes what a killed process left.
//!
//! Files and folders are accessible to their owner only. Once one of the folders is removed, renamed or replaced, every
//! write fails, and a missing object is an error rather than missing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use cutline_core::StorageKey;
use cutline_core::domain::ids::{JobId, LeaseToken};
use cutline_core::ports::{Blobs, JobFiles, PortError};
use tokio::io::AsyncReadExt as _;

use crate::disk::{ensure_folder, ignore_missing, on_disk, remove_temporary_files, sync_folder};
use crate::error::StoreError;
use crate::open_files::OpenFiles;
use crate::private::temporary_file;

const SOURCES: &str = "sources";
const OUTPUTS: &str = "jobs";
pub(crate) const UPLOADS: &str = "uploads";
pub(crate) const TEMPORARY: &str = "tmp";

/// Bytes that a [`StoredFile`] reads at once, at most.
const FRAME_BYTES: usize = 64 * 1024;

/// [`Blobs`] and [`JobFiles`] in a folder.
#[derive(Debug, Clone)]
pub struct LocalFiles {
    root: Arc<PathBuf>,
    folders: Arc<OpenFiles>,
}

/// An open object, read in frames. It stays readable even if it is removed meanwhile.
#[derive(Debug)]
pub struct StoredFile {
    size: u64,
    file: tokio::fs::File,
}

impl StoredFile {
    /// The object's size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the next bytes, at most 64 KB; `None` at the end.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn next_frame(&mut self) -> io::Result<Option<Bytes>> {
        let mut frame = BytesMut::with_capacity(FRAME_BYTES);
        let read = self.file.read_buf(&mut frame).await?;
        Ok((read > 0).then(|| frame.freeze()))
    }
}

/// What an object is written from.
enum Content<'a> {
    Bytes(&'a [u8]),
    File(&'a mut File),
}

impl Content<'_> {
    fn write_to(self, file: &mut File) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => file.write_all(bytes),
            Self::File(source) => io::copy(source, file).map(drop),
        }
    }
}

/// Whether a write may replace an existing object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteMode {
    Replace,
    CreateNew,
}

impl LocalFiles {
    /// Opens a folder of objects. Creates a missing one and removes temporary files of an earlier process, so only the
    /// server that holds the data folder's lock may call this.
    ///
    /// # Errors
    /// [`StoreError::File`] if the folder cannot be used.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let files = Self::attach(root)?;
        remove_temporary_files(&root.join(TEMPORARY))?;
        Ok(files)
    }

    /// Like [`LocalFiles::open`], but removes no files, so a process without the lock may call this while a server runs.
    /// If a server starts during a write, the write may fail.
    ///
    /// # Errors
    /// As [`LocalFiles::open`].
    pub fn attach(root: &Path) -> Result<Self, StoreError> {
        let folders = ["", SOURCES, OUTPUTS, UPLOADS, TEMPORARY].map(|name| root.join(name));
        folders.iter().try_for_each(|folder| ensure_folder(folder))?;
        Ok(Self { root: Arc::new(root.to_owned()), folders: Arc::new(OpenFiles::remember(folders)?) })
    }

    /// The folders that must not be lost.
    pub(crate) fn open_files(&self) -> Arc<OpenFiles> {
        Arc::clone(&self.folders)
    }

    /// The folder of all objects.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Checks that no folder was lost.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.folders.check()
    }

    /// `None` for an object that is missing, unless it is missing because a folder was lost.
    pub(crate) fn missing<T>(&self) -> Result<Option<T>, StoreError> {
        self.folders.check().map(|()| None)
    }

    /// Opens an object for reading in frames; `None` if it is missing.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn stored(&self, key: &StorageKey) -> Result<Option<StoredFile>, PortError> {
        let (files, path) = (self.clone(), self.path(key)?);
        on_disk(move || {
            let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            match opened {
                Ok((size, file)) => Ok(Some(StoredFile { size, file: file.into() })),
                Err(error) if error.kind() == ErrorKind::NotFound => files.missing(),
                Err(error) => Err(StoreError::at(&path)(error)),
            }
        })
        .await
    }

    /// An object's path. Keys consist of ids and fixed names, so they cannot lead out of the folder. This check would
    /// refuse a future kind of key that could.
    pub(crate) fn path(&self, key: &StorageKey) -> Result<PathBuf, StoreError> {
        let relative = PathBuf::from(key.to_string());
        if relative.components().all(|component| matches!(component, Component::Normal(_))) {
            Ok(self.root.join(relative))
        } else {
            Err(StoreError::at(&relative)(ErrorKind::InvalidInput.into()))
        }
    }

    /// Stores an object from an open file, and replaces a previous one.
    pub(crate) fn store_file(&self, key: &StorageKey, file: &mut File) -> Result<(), StoreError> {
        self.store(key, Content::File(file), WriteMode::Replace).map(drop)
    }

    /// Stores an object. Returns false if it exists and must not be replaced.
    fn store(&self, key: &StorageKey, content: Content<'_>, mode: WriteMode) -> Result<bool, StoreError> {
        let path = self.path(key)?;
        let folder = path.parent().unwrap_or(&self.root);
        let temporary = self.root.join(TEMPORARY);
        self.folders.check()?;
        let mut file = temporary_file(&temporary).map_err(StoreError::at(&temporary))?;
        // From here on, an early return removes the temporary file.
        let written = content.write_to(file.as_file_mut()).and_then(|()| file.as_file().sync_all());
        written.map_err(StoreError::at(file.path()))?;
        self.ensure_folders(folder)?;
        let stored = match mode {
            WriteMode::Replace => file.persist(&path).map(|_| true).map_err(|error| error.error),
            WriteMode::CreateNew => match file.persist_noclobber(&path) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            },
        };
        let stored = stored.map_err(StoreError::at(&path))?;
        sync_folder(folder)?;
        // An object in a folder without a name is lost, so it is not acknowledged.
        self.folders.check()?;
        Ok(stored)
    }

    /// Stores a copy of a file's content, replacing any previous object.
    pub(crate) fn copy_in(&self, key: &StorageKey, mut source: File) -> Result<(), StoreError> {
        self.store(key, Content::File(&mut source), WriteMode::Replace).map(drop)
    }

    /// Creates the missing folders from the root down to `folder`.
    pub(crate) fn ensure_folders(&self, folder: &Path) -> Result<(), StoreError> {
        let Some(parent) = folder.parent().filter(|parent| parent.starts_with(&*self.root)) else { return Ok(()) };
        if parent == &**self.root {
            // Created and synced when the store was opened.
            return Ok(());
        }
        self.ensure_folders(parent)?;
        ensure_folder(folder)
    }

    /// Removes every file of a job.
    pub(crate) fn remove_job(&self, job: JobId) -> Result<(), StoreError> {
        self.remove_source(job)?;
        self.remove_outputs(job)
    }

    /// Removes one object.
    pub(crate) fn remove(&self, key: &StorageKey) -> Result<(), StoreError> {
        let path = self.path(key)?;
        ignore_missing(fs::remove_file(&path)).map_err(StoreError::at(&path))
    }

    /// Removes what a job's pictures are made from.
    pub(crate) fn remove_source(&self, job: JobId) -> Result<(), StoreError> {
        for key in StorageKey::inputs(job) {
            self.remove(&key)?;
        }
        let masks = self.root.join(StorageKey::masks(job));
        ignore_missing(fs::remove_dir_all(&masks)).map_err(StoreError::at(&masks))
    }

    /// Removes every output of a job.
    pub(crate) fn remove_outputs(&self, job: JobId) -> Result<(), StoreError> {
        let outputs = self.root.join(OUTPUTS).join(job.to_string());
        ignore_missing(fs::remove_dir_all(&outputs)).map_err(StoreError::at(&outputs))
    }

    /// Removes the outputs of one attempt.
    fn remove_outputs_of(&self, job: JobId, lease: LeaseToken) -> Result<(), StoreError> {
        let outputs = self.root.join(OUTPUTS).join(job.to_string()).join(lease.to_string());
        ignore_missing(fs::remove_dir_all(&outputs)).map_err(StoreError::at(&outputs))
    }

    /// The jobs whose source, backdrop, copied evidence or masks were last written before `time`, without duplicates.
    pub(crate) fn sources_before(&self, time: SystemTime) -> Result<Vec<JobId>, StoreError> {
        let mut jobs = jobs_before(&self.root.join(SOURCES), time, source_of)?;
        jobs.sort_unstable();
        jobs.dedup();
        Ok(jobs)
    }

    /// The jobs whose folder of outputs last changed before `time`.
    pub(crate) fn outputs_before(&self, time: SystemTime) -> Result<Vec<JobId>, StoreError> {
        jobs_before(&self.root.join(OUTPUTS), time, |name| name.parse().ok())
    }
}

#[async_trait]
impl Blobs for LocalFiles {
    async fn put(&self, key: &StorageKey, bytes: Bytes) -> Result<(), PortError> {
        let (files, key) = (self.clone(), *key);
        on_disk(move || files.store(&key, Content::Bytes(&bytes), WriteMode::Replace)).await.map(|_| ())
    }

    async fn put_new(&self, key: &StorageKey, bytes: Bytes) -> Result<bool, PortError> {
        let (files, key) = (self.clone(), *key);
        on_disk(move || files.store(&key, Content::Bytes(&bytes), WriteMode::CreateNew)).await
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Bytes>, PortError> {
        let (files, path) = (self.clone(), self.path(key)?);
        on_disk(move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => files.missing(),
            Err(error) => Err(StoreError::at(&path)(error)),
        })
        .await
    }

    async fn copy(&self, from: &StorageKey, to: &StorageKey) -> Result<bool, PortError> {
        let (files, from, to) = (self.clone(), self.path(from)?, *to);
        on_disk(move || match File::open(&from) {
            Ok(mut source) => files.store(&to, Content::File(&mut source), WriteMode::Replace),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(files.missing::<()>()?.is_some()),
            Err(error) => Err(StoreError::at(&from)(error)),
        })
        .await
    }
}

#[async_trait]
impl JobFiles for LocalFiles {
    async fn delete(&self, job: JobId) -> Result<(), PortError> {
        let files = self.clone();
        on_disk(move || files.folders.check().and_then(|()| files.remove_job(job))).await
    }

    async fn delete_outputs(&self, job: JobId, lease: LeaseToken) -> Result<(), PortError> {
        let files = self.clone();
        on_disk(move || files.folders.check().and_then(|()| files.remove_outputs_of(job, lease))).await
    }
}

/// The job that a file in the folder of sources belongs to, or the folder of its masks.
fn source_of(name: &str) -> Option<JobId> {
    if let Some(job) = StorageKey::job_of_masks(name) {
        return Some(job);
    }
    match StorageKey::parse(&format!("{SOURCES}/{name}"))? {
        StorageKey::Source { job } | StorageKey::Backdrop { job } | StorageKey::Evidence { job } => Some(job),
        StorageKey::Mask { .. } | StorageKey::Output { .. } | StorageKey::Asset { .. } => None,
    }
}

/// The jobs named by a folder's entries that last changed before `time`. Entries with other names are not Cutline's
/// and stay untouched.
fn jobs_before(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lock_holder_removes_temporary_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("files");
        LocalFiles::attach(&root).expect("creates missing folders");
        let unfinished = root.join(TEMPORARY).join("unfinished");
        fs::write(&unfinished, "1").expect("a file");
        LocalFiles::attach(&root).expect("attaches");
        assert!(unfinished.exists());
        LocalFiles::open(&root).expect("opens");
        assert!(!unfinished.exists());
    }
}
