//! Dropped files in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::blobs::MemoryBlobs;
use super::lock::lock;
use crate::StorageKey;
use crate::domain::drops::{DropOrigin, DropPath, DroppedObject, MANIFEST, Sequencer};
use crate::ports::{Blobs as _, DROP_HEAD_BYTES, DropFiles, DropLook, ManifestTag, PortError, StoredManifest};

/// [`DropFiles`] in memory.
#[derive(Debug)]
pub struct MemoryDropFiles {
    blobs: Arc<MemoryBlobs>,
    files: Mutex<BTreeMap<String, File>>,
    written: AtomicU64,
    keeps_versions: bool,
}

#[derive(Debug)]
struct File {
    etag: String,
    bytes: Bytes,
}

impl MemoryDropFiles {
    /// An empty folder, whose files are copied to these objects.
    pub fn new(blobs: Arc<MemoryBlobs>) -> Self {
        Self { blobs, files: Mutex::default(), written: AtomicU64::default(), keeps_versions: false }
    }

    /// An empty folder that keeps the older versions of its files.
    pub fn with_versions(blobs: Arc<MemoryBlobs>) -> Self {
        Self { keeps_versions: true, ..Self::new(blobs) }
    }

    /// Drops a file, later than all others, and returns its announcement.
    pub fn put(&self, path: DropPath, bytes: impl Into<Bytes>) -> DroppedObject {
        let (bytes, mut files) = (bytes.into(), lock(&self.files));
        let number = self.store(path.as_str().to_owned(), bytes.clone(), &mut files);
        let version = self.keeps_versions.then(|| number.to_string());
        if let Some(version) = &version {
            files.insert(versioned(&path, version), File { etag: number.to_string(), bytes });
        }
        let sequencer = Sequencer::of_number(number);
        let origin = DropOrigin { path, bucket: "memory".to_owned(), version, sequencer };
        DroppedObject { origin, etag: Some(number.to_string()) }
    }

    /// Removes a file.
    pub fn remove(&self, key: &str) {
        lock(&self.files).remove(key);
    }

    /// The content of a dropped file or a result, by key.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        lock(&self.files).get(key).map(|file| file.bytes.clone())
    }

    /// The bytes of a dropped file, if it is still the announced one.
    fn announced(&self, object: &DroppedObject) -> Option<Bytes> {
        let path = &object.origin.path;
        let key = object.origin.version.as_ref().map_or(path.to_string(), |version| versioned(path, version));
        let files = lock(&self.files);
        let file = files.get(&key).filter(|file| object.etag.as_ref().is_none_or(|etag| *etag == file.etag))?;
        Some(file.bytes.clone())
    }

    fn store(&self, key: String, bytes: Bytes, files: &mut BTreeMap<String, File>) -> u64 {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        files.insert(key, File { etag: number.to_string(), bytes });
        number
    }
}

fn versioned(path: &DropPath, version: &str) -> String {
    format!("versions/{version}/{path}")
}

#[async_trait]
impl DropFiles for MemoryDropFiles {
    async fn look(&self, object: &DroppedObject) -> Result<DropLook, PortError> {
        Ok(self.announced(object).map_or(DropLook::Gone, |file| DropLook::Found {
            bytes: file.len() as u64,
            head: file.slice(..file.len().min(DROP_HEAD_BYTES)),
        }))
    }

    async fn copy_to(&self, object: &DroppedObject, to: &StorageKey) -> Result<bool, PortError> {
        let Some(file) = self.announced(object) else { return Ok(false) };
        self.blobs.put(to, file).await?;
        Ok(true)
    }

    async fn put_result(&self, path: &DropPath, name: &str, _: &'static str, bytes: Bytes) -> Result<(), PortError> {
        self.store(path.result(name), bytes, &mut lock(&self.files));
        Ok(())
    }

    async fn manifest(&self, path: &DropPath) -> Result<Option<StoredManifest>, PortError> {
        let files = lock(&self.files);
        let stored = files.get(&path.result(MANIFEST));
        Ok(stored.map(|file| StoredManifest { bytes: file.bytes.clone(), tag: ManifestTag(file.etag.clone()) }))
    }

    async fn put_manifest(
        &self,
        path: &DropPath,
        bytes: Bytes,
        before: Option<&ManifestTag>,
    ) -> Result<bool, PortError> {
        let mut files = lock(&self.files);
        let key = path.result(MANIFEST);
        let matches = files.get(&key).map(|file| &file.etag) == before.map(|tag| &tag.0);
        if matches {
            self.store(key, bytes, &mut files);
        }
        Ok(matches)
    }
}
