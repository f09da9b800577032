//! Copying files with their checksum.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::ManifestFile;
use crate::disk::sync_folder;
use crate::error::StoreError;
use crate::private::create_folder;

const BUFFER_BYTES: usize = 1 << 20;

/// Copies files from one folder to the same paths below another, for their owner only.
pub(super) struct Copier<'a> {
    from: &'a Path,
    to: &'a Path,
    /// The folders in which names were created.
    folders: BTreeSet<PathBuf>,
    buffer: Vec<u8>,
}

impl<'a> Copier<'a> {
    pub(super) fn new(from: &'a Path, to: &'a Path) -> Self {
        Self { from, to, folders: BTreeSet::from([to.to_owned()]), buffer: vec![0; BUFFER_BYTES] }
    }

    /// Copies one file. Returns `None` if it does not exist.
    pub(super) fn copy(&mut self, relative: &Path) -> Result<Option<ManifestFile>, StoreError> {
        let (source, target) = (self.from.join(relative), self.to.join(relative));
        let mut file = match File::open(&source) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(StoreError::at(&source)(error)),
        };
        self.ensure_parent(relative)?;
        let mut copy = create(&target).map_err(StoreError::at(&target))?;
        let (mut sha256, mut bytes) = (Sha256::new(), 0);
        loop {
            let read = read_some(&mut file, &mut self.buffer).map_err(StoreError::at(&source))?;
            if read == 0 {
                break;
            }
            sha256.update(&self.buffer[..read]);
            copy.write_all(&self.buffer[..read]).map_err(StoreError::at(&target))?;
            bytes += read as u64;
        }
        copy.sync_all().map_err(StoreError::at(&target))?;
        let path = relative.to_str().ok_or_else(|| StoreError::at(relative)(ErrorKind::InvalidInput.into()))?;
        Ok(Some(ManifestFile { path: path.to_owned(), bytes, sha256: hex::encode(sha256.finalize()) }))
    }

    /// Makes all copies survive a crash.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Creates a folder below the target, and its parents.
    pub(super) fn ensure_folder(&mut self, relative: &Path) -> Result<(), StoreError> {
        let mut folder = self.to.to_owned();
        for name in relative {
            folder.push(name);
            if self.folders.contains(&folder) {
                continue;
            }
            match create_folder(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::at(&folder)(error)),
            }
            self.folders.insert(folder.clone());
        }
        Ok(())
    }

    fn ensure_parent(&mut self, relative: &Path) -> Result<(), StoreError> {
        relative.parent().map_or(Ok(()), |parent| self.ensure_folder(parent))
    }
}

/// Reads the next bytes of a file; none at its end.
fn read_some(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether a folder has no entries; true if it does not exist.
pub(super) fn is_empty_or_missing(folder: &Path) -> Result<bool, StoreError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(StoreError::at(folder)(error)),
    }
}

/// The size and checksum of a file, which is synced too.
pub(super) fn checksum(folder: &Path, relative: &str) -> Result<ManifestFile, StoreError> {
    let path = folder.join(relative);
    let mut file = File::open(&path).map_err(StoreError::at(&path))?;
    let (mut sha256, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; BUFFER_BYTES]);
    loop {
        let read = read_some(&mut file, &mut buffer).map_err(StoreError::at(&path))?;
        if read == 0 {
            break;
        }
        sha256.update(&buffer[..read]);
        bytes += read as u64;
    }
    file.sync_all().map_err(StoreError::at(&path))?;
    Ok(ManifestFile { path: relative.to_owned(), bytes, sha256: hex::encode(sha256.finalize()) })
}

/// The paths of all files below a folder, relative to `root`; none if the folder does not exist. Temporary names that
/// vanish meanwhile are left out.
pub(super) fn files_below(root: &Path, relative: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let folder = root.join(relative);
    let failed = |error| StoreError::at(&folder)(error);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = relative.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_below(root, &path)?),
            Ok(kind) if kind.is_file() => files.push(path),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(files)
}

fn create(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}
