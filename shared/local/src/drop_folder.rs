//! A folder for dropped files and their results.
//!
//! | name | contents |
//! |---|---|
//! | `drops/<owner>/<set>/<path…>` | dropped files; Cutline never changes or removes them |
//! | `results/<owner>/<set>/<path…>/…` | their results and manifests |
//! | `results/.tmp/` | files being written; emptied at start |
//! | `results/.lock` | held by the server that uses the folder |
//!
//! Path, modification time and size together identify a drop, so a changed file is a new drop. Symbolic links and
//! special files are ignored.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::drops::{DropOrigin, DropPath, DroppedObject, MANIFEST, Sequencer};
use cutline_core::domain::limits::MAX_SOURCE_BYTES;
use cutline_core::ports::{DropContent, DropFiles, ManifestTag, PortError, StoredManifest};
use sha2::{Digest as _, Sha256};

use crate::data_dir::Lock;
use crate::disk::{ensure_folders_below, on_disk, remove_temporary_files, sync_folder};
use crate::error::{OpenError, StoreError};

/// The bucket name of local drops. Not the folder's name, since the folder may be moved.
const BUCKET: &str = "folder";

const DROPS: &str = "drops";
const RESULTS: &str = "results";
const TEMPORARY: &str = ".tmp";
const LOCK: &str = ".lock";

/// [`DropFiles`] in a folder.
#[derive(Debug, Clone)]
pub struct DropFolder {
    root: Arc<PathBuf>,
    /// Held while a manifest is compared and replaced. Only one server uses a folder.
    manifests: Arc<Mutex<()>>,
    _lock: Arc<Lock>,
}

/// Identifies one state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileStamp {
    /// The modification time, in nanoseconds since 1970.
    modified: i128,
    pub(crate) length: u64,
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { modified, length: metadata.len() }
    }

    fn version(self) -> String {
        format!("{}-{}", self.modified, self.length)
    }
}

impl DropFolder {
    /// Opens a folder. Creates missing folders and removes temporary files of an earlier process. While the value or a
    /// clone of it exists, this process is the folder's only server.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server uses it, [`OpenError::Store`] if the folder cannot be used.
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        // On the way to the folder, symbolic links are fine.
        fs::create_dir_all(root).map_err(StoreError::at(root))?;
        let root = root.canonicalize().map_err(StoreError::at(root))?;
        ensure_folders_below(&root, Path::new(DROPS))?;
        let temporary = ensure_folders_below(&root, &Path::new(RESULTS).join(TEMPORARY))?;
        // The lock comes first: another server may be writing the temporary files.
        let lock = lock(&root)?;
        remove_temporary_files(&temporary)?;
        Ok(Self { root: Arc::new(root), manifests: Arc::default(), _lock: Arc::new(lock) })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The folder for dropped files.
    pub fn drops(&self) -> PathBuf {
        self.root.join(DROPS)
    }

    /// The drop for a file with this stamp.
    pub(crate) fn dropped(path: DropPath, stamp: FileStamp, sequencer: Sequencer) -> DroppedObject {
        let (bucket, version) = (BUCKET.to_owned(), Some(stamp.version()));
        let origin = DropOrigin { path, bucket, version, sequencer };
        DroppedObject { origin, etag: None }
    }

    /// The stamp of a dropped file; `None` if it is missing or ignored.
    pub(crate) fn stamp(&self, path: &DropPath) -> io::Result<Option<FileStamp>> {
        Ok(self.regular_file(path)?.map(|metadata| FileStamp::of(&metadata)))
    }

    /// A dropped file's metadata; `None` unless it is a regular file whose path contains no symbolic link.
    fn regular_file(&self, path: &DropPath) -> io::Result<Option<Metadata>> {
        let mut current = self.root.to_path_buf();
        let mut names = path.as_str().split('/').peekable();
        while let Some(name) = names.next() {
            current.push(name);
            let metadata = match fs::symlink_metadata(&current) {
                Ok(metadata) => metadata,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            match names.peek() {
                Some(_) if metadata.is_dir() => {}
                None if metadata.is_file() => return Ok(Some(metadata)),
                Some(_) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Reads the file that a drop names. If it changes meanwhile, it is a new drop, and the old one is gone.
    fn read_blocking(&self, object: &DroppedObject) -> Result<DropContent, StoreError> {
        let relative = &object.origin.path;
        let path = self.root.join(relative.as_str());
        let failed = |error| StoreError::at(&path)(error);
        let Some(before) = self.regular_file(relative).map_err(failed)? else { return Ok(DropContent::Gone) };
        let has_stamp = |metadata: &Metadata| object.origin.version == Some(FileStamp::of(metadata).version());
        if !has_stamp(&before) {
            return Ok(DropContent::Gone);
        }
        if before.len() > MAX_SOURCE_BYTES {
            return Ok(DropContent::TooLarge { bytes: before.len() });
        }
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(DropContent::Gone),
            Err(error) => return Err(failed(error)),
        };
        let opened = file.metadata().map_err(failed)?;
        if (opened.dev(), opened.ino()) != (before.dev(), before.ino()) {
            return Ok(DropContent::Gone);
        }
        // Room for one byte more than expected: if the read fills it, the file has grown.
        let mut bytes = Vec::with_capacity(usize::try_from(before.len() + 1).unwrap_or_default());
        (&mut file).take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        let is_unchanged = bytes.len() as u64 == before.len() && has_stamp(&file.metadata().map_err(failed)?);
        Ok(if is_unchanged { DropContent::Bytes(bytes.into()) } else { DropContent::Gone })
    }

    /// Writes a result, atomically.
    fn write_blocking(&self, path: &DropPath, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let relative = PathBuf::from(path.result(name));
        let folder = ensure_folders_below(&self.root, relative.parent().unwrap_or(Path::new(RESULTS)))?;
        // Someone may have removed the whole folder of results.
        let temporary = ensure_folders_below(&self.root, &Path::new(RESULTS).join(TEMPORARY))?;
        // Readable for everyone that the umask allows, unlike other temporary files.
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let file = tempfile::Builder::new().permissions(permissions).tempfile_in(&temporary);
        let mut file = file.map_err(StoreError::at(&temporary))?;
        let written = file.as_file_mut().write_all(bytes).and_then(|()| file.as_file().sync_all());
        written.map_err(StoreError::at(file.path()))?;
        let path = self.root.join(relative);
        file.persist(&path).map_err(|error| StoreError::at(&path)(error.error))?;
        sync_folder(&folder)
    }

    fn manifest_blocking(&self, path: &DropPath) -> Result<Option<StoredManifest>, StoreError> {
        let path = self.root.join(path.result(MANIFEST));
        match fs::read(&path) {
            Ok(bytes) => {
                let tag = ManifestTag(hex::encode(Sha256::digest(&bytes)));
                Ok(Some(StoredManifest { bytes: bytes.into(), tag }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::at(&path)(error)),
        }
    }

    /// Replaces the manifest if the stored one has the tag `before`. Returns whether it did.
    fn replace_manifest_blocking(
        &self,
        path: &DropPath,
        bytes: &[u8],
        before: Option<&ManifestTag>,
    ) -> Result<bool, StoreError> {
        // The lock guards no data that a panic could leave inconsistent.
        let _exclusive = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = self.manifest_blocking(path)?.map(|stored| stored.tag);
        if stored.as_ref() != before {
            return Ok(false);
        }
        self.write_blocking(path, MANIFEST, bytes)?;
        Ok(true)
    }
}

#[async_trait]
impl DropFiles for DropFolder {
    async fn read(&self, object: &DroppedObject) -> Result<DropContent, PortError> {
        let (folder, object) = (self.clone(), object.clone());
        on_disk(move || folder.read_blocking(&object)).await
    }

    async fn put_result(&self, path: &DropPath, name: &str, _: &'static str, bytes: Bytes) -> Result<(), PortError> {
        let (folder, path, name) = (self.clone(), path.clone(), name.to_owned());
        on_disk(move || folder.write_blocking(&path, &name, &bytes)).await
    }

    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError> {
        let (folder, path) = (self.clone(), path.clone());
        on_disk(move || folder.manifest_blocking(&path)).await
    }

    async fn put_manifest(
        &self,
        path: &DropPath,
        bytes: Bytes,
        before: Option<&ManifestTag>,
    ) -> Result<bool, PortError> {
        let (folder, path, before) = (self.clone(), path.clone(), before.cloned());
        on_disk(move || folder.replace_manifest_blocking(&path, &bytes, before.as_ref())).await
    }
}

/// Whether the path does not exist, or leads through a file.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Locks a folder. Refuses a lock file that is not a regular file: through a link, it would write elsewhere.
fn lock(root: &Path) -> Result<Lock, OpenError> {
    let path = root.join(RESULTS).join(LOCK);
    if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(StoreError::at(&path)(ErrorKind::AlreadyExists.into()).into());
    }
    Lock::acquire(&path, root)
}
