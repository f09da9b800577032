//! The files of a job, for their deletion. Apart from the object store's other port, since of all use cases only the
//! sweep may delete.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::ids::JobId;

/// Deletes a job's stored files.
#[async_trait]
pub trait JobFiles: Send + Sync {
    /// Deletes the job's source, its backdrop, and the outputs of all its attempts. A job without files is no error.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store. Some files may be deleted then.
    async fn delete(&self, job: JobId) -> Result<(), PortError>;
}
