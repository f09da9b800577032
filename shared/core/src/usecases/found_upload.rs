//! A directly uploaded file that a request names by its key.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::OwnerId;
use crate::domain::kind::ImageKind;
use crate::domain::upload::{ETag, Upload, UploadKey};
use crate::ports::{PortError, UploadObjects, UploadedObject, Uploads};

/// The records and the objects of direct uploads.
#[derive(Clone)]
pub struct UploadStores {
    /// The records.
    pub records: Arc<dyn Uploads>,
    /// The objects.
    pub objects: Arc<dyn UploadObjects>,
}

/// Why no job can be made from an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UploadFault {
    /// This owner has no upload with this key, or the key has expired.
    #[error("the owner has no such upload")]
    Unknown,
    /// No file was uploaded yet.
    #[error("no file was uploaded")]
    Missing,
    /// The file has another size than announced.
    #[error("the file has {found} bytes, and {announced} were announced")]
    WrongSize {
        /// The announced size in bytes.
        announced: u64,
        /// Its size in bytes.
        found: u64,
    },
    /// The file is not a picture of a known kind.
    #[error("the file is not a picture of a known kind")]
    UnknownKind,
}

/// No upload was found, or a store failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    #[error(transparent)]
    Fault(#[from] UploadFault),
    #[error(transparent)]
    Port(#[from] PortError),
}

/// An upload and the object that is there now.
#[derive(Debug)]
pub(super) struct FoundUpload {
    pub(super) upload: Upload,
    object: UploadedObject,
}

impl UploadStores {
    /// This owner's upload with its object, also after its key has expired: a request may be repeated then.
    pub(super) async fn find(&self, owner: &OwnerId, key: UploadKey, now: Timestamp) -> Result<FoundUpload, FindError> {
        let upload = self.records.find(owner, key).await?.ok_or(UploadFault::Unknown)?;
        match self.objects.head(key).await? {
            Some(object) => Ok(FoundUpload { upload, object }),
            None if upload.is_expired(now) => Err(UploadFault::Unknown.into()),
            None => Err(UploadFault::Missing.into()),
        }
    }
}

impl FoundUpload {
    /// Identifies the content of the object.
    pub(super) fn etag(&self) -> &ETag {
        &self.object.etag
    }

    /// The size of the object in bytes.
    pub(super) fn size(&self) -> u64 {
        self.object.size
    }

    /// Whether the object's bytes count as the owner's already.
    pub(super) fn is_counted(&self) -> bool {
        self.object.is_counted
    }

    /// Checks that a new job can be made from it.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), UploadFault> {
        let (announced, found) = (self.upload.request.size, self.object.size);
        if self.upload.is_expired(now) {
            Err(UploadFault::Unknown)
        } else if found != announced {
            Err(UploadFault::WrongSize { announced, found })
        } else if ImageKind::sniff(&self.object.start).is_none() {
            Err(UploadFault::UnknownKind)
        } else {
            Ok(())
        }
    }
}
