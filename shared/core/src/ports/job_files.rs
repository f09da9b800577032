//! The files of a job, for their deletion. Apart from the object store's other port, since of all use cases only the
//! sweep may delete.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::ids::{JobId, LeaseToken};

/// Deletes a job's stored files.
#[async_trait]
pub trait JobFiles: Send + Sync {
    /// Deletes what the job's pictures are made from ([`StorageKey::inputs`](crate::StorageKey::inputs), and everything in
    /// [`StorageKey::masks`](crate::StorageKey::masks)), and the outputs of all its attempts. A job without files is no error.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store. Some files may be deleted then.
    async fn delete(&self, job: JobId) -> Result<(), PortError>;

    /// Deletes the outputs of one attempt, and no other file. An attempt without outputs is no error.
    ///
    /// # Errors
    /// As for [`JobFiles::delete`].
    async fn delete_outputs(&self, job: JobId, lease: LeaseToken) -> Result<(), PortError>;
}
