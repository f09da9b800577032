//! Direct uploads in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use url::Url;

use super::blobs::MemoryBlobs;
use super::lock::lock;
use crate::domain::digest::Digest;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::limits::{MAX_JOBS_PER_UPLOAD, MAX_OPEN_UPLOADS};
use crate::domain::storage::StorageKey;
use crate::domain::time::after;
use crate::domain::upload::{ETag, Upload, UploadKey, UploadUse};
use crate::ports::{
    Blobs, Clock, Link, OpenUploadError, PortError, START_BYTES, UploadCopy, UploadLinks, UploadObjects,
    UploadedObject, Uploads,
};

/// [`Uploads`], [`UploadLinks`] and [`UploadObjects`] in memory. Links lead to the reserved host `uploads.invalid`, which does not exist:
/// [`MemoryUploads::put`] stands in for the client.
pub struct MemoryUploads {
    clock: Arc<dyn Clock>,
    blobs: Arc<MemoryBlobs>,
    uploads: Mutex<HashMap<UploadKey, StoredUpload>>,
}

struct StoredUpload {
    upload: Upload,
    is_open: bool,
    object: Option<Bytes>,
    used: Option<UploadUse>,
}

impl MemoryUploads {
    /// No uploads. Their copies go to `blobs`.
    pub fn new(clock: Arc<dyn Clock>, blobs: Arc<MemoryBlobs>) -> Self {
        Self { clock, blobs, uploads: Mutex::default() }
    }

    /// Stores the object of an upload, as a PUT on its link would. Returns false, and stores nothing, if the content is
    /// not the announced one.
    pub fn put(&self, key: UploadKey, bytes: Bytes) -> bool {
        let mut uploads = lock(&self.uploads);
        let Some(stored) = uploads.get_mut(&key) else { return false };
        let request = &stored.upload.request;
        let is_announced =
            bytes.len() as u64 == request.size && request.sha256.is_none_or(|digest| digest == Digest::of(&bytes));
        if is_announced {
            stored.object = Some(bytes);
        }
        is_announced
    }

    /// Stores any object, as a fault of the store would.
    pub fn put_unchecked(&self, key: UploadKey, bytes: Option<Bytes>) {
        if let Some(stored) = lock(&self.uploads).get_mut(&key) {
            stored.object = bytes;
        }
    }

    /// How many uploads of this owner are open.
    pub fn open_uploads(&self, owner: &OwnerId) -> usize {
        let now = self.clock.now();
        lock(&self.uploads).values().filter(|stored| stored.is_open_at(owner, now)).count()
    }
}

impl StoredUpload {
    fn is_open_at(&self, owner: &OwnerId, now: Timestamp) -> bool {
        self.is_open && self.upload.owner == *owner && !self.upload.is_expired(now)
    }
}

/// The ETag of an object: its digest, in quotes.
fn etag(bytes: &[u8]) -> Result<ETag, PortError> {
    format!("\"{}\"", Digest::of(bytes)).parse().map_err(PortError::fail)
}

#[async_trait]
impl Uploads for MemoryUploads {
    async fn open(&self, upload: &Upload) -> Result<(), OpenUploadError> {
        let mut uploads = lock(&self.uploads);
        if uploads.contains_key(&upload.key) {
            return Ok(());
        }
        let open = uploads.values().filter(|stored| stored.is_open_at(&upload.owner, upload.created_at));
        let expiries: Vec<_> = open.map(|stored| stored.upload.expires_at()).collect();
        match expiries.iter().min() {
            Some(until) if expiries.len() >= MAX_OPEN_UPLOADS => Err(OpenUploadError::TooMany { until: *until }),
            Some(_) | None => {
                let stored = StoredUpload { upload: upload.clone(), is_open: true, object: None, used: None };
                uploads.insert(upload.key, stored);
                Ok(())
            }
        }
    }

    async fn find(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<Upload>, PortError> {
        let uploads = lock(&self.uploads);
        Ok(uploads.get(&key).map(|stored| stored.upload.clone()).filter(|upload| upload.owner == *owner))
    }

    async fn note_job(&self, upload: &Upload, etag: &ETag, job: JobId) -> Result<bool, PortError> {
        let mut uploads = lock(&self.uploads);
        let stored = uploads.get_mut(&upload.key).ok_or_else(|| PortError::fail("no such upload"))?;
        let mut jobs = stored.used.as_ref().map(|used| used.jobs.clone()).unwrap_or_default();
        if jobs.len() >= MAX_JOBS_PER_UPLOAD && !jobs.contains(&job) {
            return Ok(false);
        }
        jobs.insert(job);
        stored.used = Some(UploadUse { etag: etag.clone(), jobs });
        Ok(true)
    }

    async fn uses(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<UploadUse>, PortError> {
        let uploads = lock(&self.uploads);
        Ok(uploads.get(&key).filter(|stored| stored.upload.owner == *owner).and_then(|stored| stored.used.clone()))
    }

    async fn close(&self, upload: &Upload, _: &ETag) -> Result<(), PortError> {
        if let Some(stored) = lock(&self.uploads).get_mut(&upload.key) {
            stored.is_open = false;
        }
        Ok(())
    }
}

#[async_trait]
impl UploadLinks for MemoryUploads {
    async fn sign(&self, upload: &Upload) -> Result<Link, PortError> {
        let url = format!("https://uploads.invalid/{}?signature=none", upload.key.object());
        let url = Url::parse(&url).map_err(PortError::fail)?;
        Ok(Link { url, expires_at: after(self.clock.now(), Duration::from_secs(3600)) })
    }
}

#[async_trait]
impl UploadObjects for MemoryUploads {
    async fn head(&self, key: UploadKey) -> Result<Option<UploadedObject>, PortError> {
        let object = lock(&self.uploads).get(&key).and_then(|stored| stored.object.clone());
        object
            .map(|bytes| {
                let start = bytes.slice(..bytes.len().min(START_BYTES));
                Ok(UploadedObject { etag: etag(&bytes)?, size: bytes.len() as u64, start, is_counted: false })
            })
            .transpose()
    }

    async fn copy(&self, key: UploadKey, pinned: &ETag, to: &StorageKey) -> Result<UploadCopy, PortError> {
        let object = lock(&self.uploads).get(&key).and_then(|stored| stored.object.clone());
        match object {
            Some(bytes) if etag(&bytes)? == *pinned => {
                self.blobs.put(to, bytes).await?;
                Ok(UploadCopy::Copied)
            }
            Some(_) | None => Ok(UploadCopy::Changed),
        }
    }

    async fn delete(&self, key: UploadKey, pinned: &ETag) -> Result<(), PortError> {
        let mut uploads = lock(&self.uploads);
        let Some(stored) = uploads.get_mut(&key) else { return Ok(()) };
        if stored.object.as_ref().is_some_and(|bytes| etag(bytes).is_ok_and(|etag| etag == *pinned)) {
            stored.object = None;
        }
        Ok(())
    }
}
