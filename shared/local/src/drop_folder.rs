//! A folder for dropped files and their results.
//!
//! | name | contents |
//! |---|---|
//! | `drops/<owner>/<set>/<path…>` | dropped files; Cutline never changes or removes them |
//! | `retouch/<owner>/<path…>` | retouched files, likewise |
//! | `results/<owner>/<set>/<path…>/…` | their results and manifests |
//! | `results/<owner>/_retouch/<path…>/…` | manifests of retouched files |
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
use cutline_core::StorageKey;
use cutline_core::domain::drops::{DropOrigin, DropPath, DroppedObject, MANIFEST, Sequencer};
use cutline_core::ports::{DROP_HEAD_BYTES, DropFiles, DropLook, ManifestTag, PortError, StoredManifest};
use sha2::{Digest as _, Sha256};

use crate::data_dir::Lock;
use crate::disk::{ensure_folders_below, on_disk, remove_temporary_files, sync_folder};
use crate::error::{OpenError, StoreError};
use crate::files::LocalFiles;

/// The bucket name of local drops. Not the folder's name, since the folder may be moved.
const BUCKET: &str = "folder";

const DROPS: &str = "drops";
const RETOUCH: &str = "retouch";
const RESULTS: &str = "results";
const TEMPORARY: &str = ".tmp";
const LOCK: &str = ".lock";

/// [`DropFiles`] in a folder.
#[derive(Debug, Clone)]
pub struct DropFolder {
    root: Arc<PathBuf>,
    /// Where dropped files are copied to.
    files: LocalFiles,
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

/// A dropped file that is open.
struct OpenDrop {
    path: PathBuf,
    file: File,
    /// The announced version.
    version: Option<String>,
    length: u64,
}

impl OpenDrop {
    /// Whether the open file still is the announced version.
    fn is_unchanged(&self) -> Result<bool, StoreError> {
        let metadata = self.file.metadata().map_err(StoreError::at(&self.path))?;
        Ok(self.version == Some(FileStamp::of(&metadata).version()))
    }
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
    /// clone of it exists, this process is the folder's only server. Dropped files are copied to `files`.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server uses it, [`OpenError::Store`] if the folder cannot be used.
    pub fn open(root: &Path, files: LocalFiles) -> Result<Self, OpenError> {
        // On the way to the folder, symbolic links are fine.
        fs::create_dir_all(root).map_err(StoreError::at(root))?;
        let root = root.canonicalize().map_err(StoreError::at(root))?;
        ensure_folders_below(&root, Path::new(DROPS))?;
        ensure_folders_below(&root, Path::new(RETOUCH))?;
        let temporary = ensure_folders_below(&root, &Path::new(RESULTS).join(TEMPORARY))?;
        // The lock comes first: another server may be writing the temporary files.
        let lock = lock(&root)?;
        remove_temporary_files(&temporary)?;
        Ok(Self { root: Arc::new(root), files, manifests: Arc::default(), _lock: Arc::new(lock) })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The folder for dropped files.
    pub fn drops(&self) -> PathBuf {
        self.root.join(DROPS)
    }

    /// The folder for retouched files.
    pub(crate) fn retouched(&self) -> PathBuf {
        self.root.join(RETOUCH)
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

    /// Opens the file that a drop names; `None` if it is gone. If it changes later, it is a new drop, and this one is gone.
    fn open_dropped(&self, object: &DroppedObject) -> Result<Option<OpenDrop>, StoreError> {
        let relative = &object.origin.path;
        let path = self.root.join(relative.as_str());
        let failed = |error| StoreError::at(&path)(error);
        let Some(before) = self.regular_file(relative).map_err(failed)? else { return Ok(None) };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let opened = file.metadata().map_err(failed)?;
        let is_same = (opened.dev(), opened.ino()) == (before.dev(), before.ino());
        let dropped = OpenDrop { path, file, version: object.origin.version.clone(), length: opened.len() };
        Ok(if is_same && dropped.is_unchanged()? { Some(dropped) } else { None })
    }

    fn look_blocking(&self, object: &DroppedObject) -> Result<DropLook, StoreError> {
        let Some(dropped) = self.open_dropped(object)? else { return Ok(DropLook::Gone) };
        let mut head = Vec::with_capacity(DROP_HEAD_BYTES);
        let read = (&dropped.file).take(DROP_HEAD_BYTES as u64).read_to_end(&mut head);
        read.map_err(StoreError::at(&dropped.path))?;
        let found = DropLook::Found { bytes: dropped.length, head: head.into() };
        Ok(if dropped.is_unchanged()? { found } else { DropLook::Gone })
    }

    /// Copies rather than links: the owner of the file may write to it later.
    fn copy_blocking(&self, object: &DroppedObject, to: &StorageKey) -> Result<bool, StoreError> {
        let Some(dropped) = self.open_dropped(object)? else { return Ok(false) };
        let source = dropped.file.try_clone().map_err(StoreError::at(&dropped.path))?;
        self.files.copy_in(to, source)?;
        if dropped.is_unchanged()? {
            return Ok(true);
        }
        self.files.remove(to)?;
        Ok(false)
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
    async fn look(&self, object: &DroppedObject) -> Result<DropLook, PortError> {
        let (folder, object) = (self.clone(), object.clone());
        on_disk(move || folder.look_blocking(&object)).await
    }

    async fn copy_to(&self, object: &DroppedObject, to: &StorageKey) -> Result<bool, PortError> {
        let (folder, object, to) = (self.clone(), object.clone(), *to);
        on_disk(move || folder.copy_blocking(&object, &to)).await
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
