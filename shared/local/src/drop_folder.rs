//! A folder in which files are dropped, and results put beside them.
//!
//! | name | what |
//! |---|---|
//! | `drops/<owner>/<set>/<path…>` | dropped files; never changed nor removed here |
//! | `results/<owner>/<set>/<path…>/…` | their results and manifests |
//! | `results/.tmp/` | files being written; emptied at start |
//! | `results/.lock` | held by the server that works on the folder |
//!
//! A dropped file is named by its path, its time and its length together: changed, it is another drop. Links are not
//! followed, neither to files nor to folders, and what is no plain file is not looked at.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::domain::drops::{DropOrigin, DropPath, DroppedObject, MANIFEST, MAX_BYTES, Sequencer};
use cutline_core::ports::{DropContent, DropFiles, ManifestTag, PortError, StoredManifest};
use sha2::{Digest as _, Sha256};

use crate::data_dir::Lock;
use crate::error::{OpenError, StoreError};
use crate::files::{on_disk, sync_folder};

/// What a drop's bucket is called here. Not the folder's own name: it may be moved.
const BUCKET: &str = "folder";

const DROPS: &str = "drops";
const RESULTS: &str = "results";
const TEMPORARY: &str = ".tmp";
const LOCK: &str = ".lock";

/// [`DropFiles`] in a folder.
#[derive(Debug, Clone)]
pub struct DropFolder {
    root: Arc<PathBuf>,
    /// Held while a manifest is looked at and replaced. One server works on a folder.
    manifests: Arc<Mutex<()>>,
    _lock: Arc<Lock>,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    /// When it was last written, in nanoseconds.
    modified: i128,
    pub(crate) length: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { modified, length: metadata.len() }
    }

    fn version(self) -> String {
        format!("{}-{}", self.modified, self.length)
    }
}

impl DropFolder {
    /// Takes a folder, makes it and what has to be in it if there is none, and removes temporary files that an earlier
    /// process left. As long as it or a clone is kept, this process is the one server that works on it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server has it, [`OpenError::Store`] if the folder cannot be used.
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        // Above the folder links are as good as anything.
        fs::create_dir_all(root).map_err(StoreError::at(root))?;
        let root = root.canonicalize().map_err(StoreError::at(root))?;
        make_folders(&root, Path::new(DROPS))?;
        let temporary = make_folders(&root, &Path::new(RESULTS).join(TEMPORARY))?;
        // Before anything is removed: it may be what another server is writing.
        let lock = lock(&root)?;
        for entry in fs::read_dir(&temporary).map_err(StoreError::at(&temporary))? {
            let path = entry.map_err(StoreError::at(&temporary))?.path();
            if path.is_file() {
                fs::remove_file(&path).map_err(StoreError::at(&path))?;
            }
        }
        Ok(Self { root: Arc::new(root), manifests: Arc::default(), _lock: Arc::new(lock) })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Where files are dropped.
    pub fn drops(&self) -> PathBuf {
        self.root.join(DROPS)
    }

    /// The drop of a file that is in this state.
    pub(crate) fn dropped(path: DropPath, stamp: Stamp, sequencer: Sequencer) -> DroppedObject {
        let (bucket, version) = (BUCKET.to_owned(), Some(stamp.version()));
        let origin = DropOrigin { path, bucket, version, sequencer };
        DroppedObject { origin, etag: None }
    }

    /// The state of a dropped file, or `None` if there is none that is taken.
    pub(crate) fn stamp(&self, path: &DropPath) -> io::Result<Option<Stamp>> {
        Ok(self.plain(path)?.map(|metadata| Stamp::of(&metadata)))
    }

    /// What the system says of a dropped file, if it is a plain one in plain folders.
    fn plain(&self, path: &DropPath) -> io::Result<Option<Metadata>> {
        let mut place = self.root.to_path_buf();
        let mut parts = path.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            let metadata = match fs::symlink_metadata(&place) {
                Ok(metadata) => metadata,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            match parts.peek() {
                Some(_) if metadata.is_dir() => {}
                None if metadata.is_file() => return Ok(Some(metadata)),
                Some(_) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    fn read_now(&self, object: &DroppedObject) -> Result<DropContent, StoreError> {
        let path = &object.origin.path;
        let place = self.root.join(path.as_str());
        let failed = |error| StoreError::at(&place)(error);
        let Some(before) = self.plain(path).map_err(failed)? else { return Ok(DropContent::Gone) };
        let is_told_of = |metadata: &Metadata| object.origin.version == Some(Stamp::of(metadata).version());
        if !is_told_of(&before) {
            return Ok(DropContent::Gone);
        }
        if before.len() > MAX_BYTES {
            return Ok(DropContent::TooLarge { bytes: before.len() });
        }
        let mut file = match File::open(&place) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(DropContent::Gone),
            Err(error) => return Err(failed(error)),
        };
        let opened = file.metadata().map_err(failed)?;
        let same = (opened.dev(), opened.ino()) == (before.dev(), before.ino());
        // Room for all of it and for one more byte: a read that fills it tells that the file has grown.
        let mut bytes = Vec::with_capacity(usize::try_from(before.len() + 1).unwrap_or_default());
        if same {
            (&mut file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        }
        // Written to meanwhile, it is another file, which is found once that is over.
        let whole = same && bytes.len() as u64 == before.len() && is_told_of(&file.metadata().map_err(failed)?);
        Ok(if whole { DropContent::Bytes(bytes.into()) } else { DropContent::Gone })
    }

    /// Writes a file in one step.
    fn write(&self, path: &DropPath, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let relative = PathBuf::from(path.result(name));
        let folder = make_folders(&self.root, relative.parent().unwrap_or(Path::new(RESULTS)))?;
        let temporary = self.root.join(RESULTS).join(TEMPORARY);
        // Results are for whoever may read new files here, and not for this program alone.
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let file = tempfile::Builder::new().permissions(permissions).tempfile_in(&temporary);
        let mut file = file.map_err(StoreError::at(&temporary))?;
        let written = file.as_file_mut().write_all(bytes).and_then(|()| file.as_file().sync_all());
        written.map_err(StoreError::at(file.path()))?;
        let place = self.root.join(relative);
        file.persist(&place).map_err(|error| StoreError::at(&place)(error.error))?;
        sync_folder(&folder)
    }

    fn stored_manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, StoreError> {
        let place = self.root.join(path.result(MANIFEST));
        match fs::read(&place) {
            Ok(bytes) => {
                let digits = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(Some(StoredManifest { bytes: bytes.into(), tag: ManifestTag(digits) }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::at(&place)(error)),
        }
    }
}

#[async_trait]
impl DropFiles for DropFolder {
    async fn read(&self, object: &DroppedObject) -> Result<DropContent, PortError> {
        let (folder, object) = (self.clone(), object.clone());
        on_disk(move || folder.read_now(&object)).await
    }

    async fn put_result(&self, path: &DropPath, name: &str, _: &'static str, bytes: Bytes) -> Result<(), PortError> {
        let (folder, path, name) = (self.clone(), path.clone(), name.to_owned());
        on_disk(move || folder.write(&path, &name, &bytes)).await
    }

    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError> {
        let (folder, path) = (self.clone(), path.clone());
        on_disk(move || folder.stored_manifest(&path)).await
    }

    async fn put_manifest(
        &self,
        path: &DropPath,
        bytes: Bytes,
        before: Option<&ManifestTag>,
    ) -> Result<bool, PortError> {
        let (folder, path, before) = (self.clone(), path.clone(), before.cloned());
        let put = move || {
            // It guards nothing in memory that a panic could have left halfway.
            let _alone = folder.manifests.lock().unwrap_or_else(PoisonError::into_inner);
            let is_before = folder.stored_manifest(&path)?.map(|stored| stored.tag) == before;
            if is_before {
                folder.write(&path, MANIFEST, &bytes)?;
            }
            Ok(is_before)
        };
        on_disk(put).await
    }
}

/// Whether there is nothing at a path, or something else than a folder on the way to it.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Takes a folder's lock. What lies in its place and is no plain file, as a link, is refused and not written to.
fn lock(root: &Path) -> Result<Lock, OpenError> {
    let path = root.join(RESULTS).join(LOCK);
    if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(StoreError::at(&path)(ErrorKind::AlreadyExists.into()).into());
    }
    Lock::take(&path, root)
}

/// Makes the folders below `root` that are missing, so that each of them lasts. A link on the way is refused.
fn make_folders(root: &Path, relative: &Path) -> Result<PathBuf, StoreError> {
    let mut folder = root.to_path_buf();
    for part in relative {
        let parent = folder.clone();
        folder.push(part);
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
