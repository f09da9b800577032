//! The records of direct uploads.

use async_trait::async_trait;

use super::error::{OpenUploadError, PortError};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::upload::{ETag, Upload, UploadKey, UploadUse};

/// Remembers which uploads were granted, to whom, and how many of an owner are open. An upload is open until a job was
/// accepted with it or its key expires.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Stores a new upload, which is open. Storing the same upload again changes nothing.
    ///
    /// # Errors
    /// [`OpenUploadError::TooMany`] if the owner has [`MAX_OPEN_UPLOADS`](crate::domain::limits::MAX_OPEN_UPLOADS) open
    /// ones at `upload.created_at`. A store may count a moment before it stores, and then exceeds the limit by one for
    /// each request at the same time. [`PortError`] on a fault of the store.
    async fn open(&self, upload: &Upload) -> Result<(), OpenUploadError>;

    /// This owner's upload, until [`KEPT`](crate::domain::upload::KEPT) after its creation at least: the caller checks
    /// whether its key has expired. `None` for another owner's.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn find(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<Upload>, PortError>;

    /// Notes that a job is about to be accepted with this content of the upload: the object is kept for as long as the job
    /// needs it. Noting it again changes nothing. Returns false, and notes nothing, if
    /// [`MAX_JOBS_PER_UPLOAD`](crate::domain::limits::MAX_JOBS_PER_UPLOAD) others are noted.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store, or if there is no such upload.
    async fn note_job(&self, upload: &Upload, etag: &ETag, job: JobId) -> Result<bool, PortError>;

    /// The jobs that were noted for this owner's upload; `None` if no job was noted, or the upload is unknown.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn uses(&self, owner: &OwnerId, key: UploadKey) -> Result<Option<UploadUse>, PortError>;

    /// Counts the upload as open no longer, since a job was accepted with this content. It can still be found. Closing it
    /// again changes nothing.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    async fn close(&self, upload: &Upload, etag: &ETag) -> Result<(), PortError>;
}
