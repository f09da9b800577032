//! Granting direct uploads: the client sends its file straight to the object store, and names it in a request later.
//!
//! The link is signed before the record is stored, so an upload without a record has no effect, and a record whose answer
//! was lost only counts as open until it expires.

use std::sync::Arc;
use std::time::Duration;

use super::env::Env;
use super::storage_cap::{ReserveError, StorageCap, StorageFull};
use crate::domain::ids::OwnerId;
use crate::domain::time::between;
use crate::domain::upload::{Upload, UploadRequest};
use crate::ports::{Link, OpenUploadError, PortError, UploadLinks, Uploads};

/// The use case.
#[derive(Clone)]
pub struct DirectUpload {
    /// The records.
    pub records: Arc<dyn Uploads>,
    /// Signs the links.
    pub links: Arc<dyn UploadLinks>,
    /// The cap on an owner's stored bytes, if there is one.
    pub storage_cap: Option<StorageCap>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// An upload, and the link to send the file to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedUpload {
    /// The upload.
    pub upload: Upload,
    /// Takes one PUT with [`Upload::headers`].
    pub link: Link,
}

/// The upload was not granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The owner has too many open uploads.
    #[error("the owner has too many open uploads")]
    TooMany {
        /// The time until the first of them expires.
        wait: Duration,
    },
    /// The file does not fit under the cap on the owner's stored bytes.
    #[error(transparent)]
    StorageFull(StorageFull),
    /// A store has a fault. The upload may count as open.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl From<ReserveError> for GrantError {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Full(full) => Self::StorageFull(full),
            ReserveError::Port(error) => Self::Unavailable(error),
        }
    }
}

impl DirectUpload {
    /// Grants an upload.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn run(&self, owner: &OwnerId, request: UploadRequest) -> Result<GrantedUpload, GrantError> {
        if let Some(cap) = &self.storage_cap {
            // The file is admitted again when it arrives. This check spares a transfer that would be refused.
            drop(cap.reserve(owner, request.size).await?);
        }
        let now = self.env.clock.now();
        let upload = Upload { key: self.env.ids.upload(), owner: owner.clone(), request, created_at: now };
        let link = self.links.sign(&upload).await?;
        match self.records.open(&upload).await {
            Ok(()) => Ok(GrantedUpload { upload, link }),
            Err(OpenUploadError::TooMany { until }) => Err(GrantError::TooMany { wait: between(now, until) }),
            Err(OpenUploadError::Port(error)) => Err(error.into()),
        }
    }
}
