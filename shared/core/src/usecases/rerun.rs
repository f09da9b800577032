//! The errors that a retry and a recut share: either way, a job is run again, as itself or as a new job.

use super::found_upload::{FindError, UploadFault};
use super::storage_cap::{ReserveError, StorageFull};
use crate::ports::PortError;

/// A job is not run again, for a reason that holds for a retry and for a recut.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// The owner has no such job.
    #[error("the owner has no such job")]
    NotFound,
    /// The job has not ended.
    #[error("the job has not ended")]
    Pending,
    /// The photograph, or the mask that it is to be cut by, is no longer stored.
    #[error("the source is no longer stored")]
    SourceExpired,
    /// The new mask is a direct upload that cannot be used.
    #[error("the mask: {0}")]
    Mask(#[source] UploadFault),
    /// The copied photograph, or the mask, does not fit under the cap on the owner's stored bytes.
    #[error(transparent)]
    StorageFull(StorageFull),
    /// An earlier request with the same idempotency key was another one.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A store or the queue has a fault. The request may have been accepted: repeat it. A new job without an idempotency
    /// key is withdrawn, as for [`SubmitError::Unavailable`](super::SubmitError::Unavailable).
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl From<ReserveError> for RerunError {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Full(full) => Self::StorageFull(full),
            ReserveError::Port(error) => Self::Unavailable(error),
        }
    }
}

impl From<FindError> for RerunError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Fault(fault) => Self::Mask(fault),
            FindError::Port(error) => Self::Unavailable(error),
        }
    }
}
