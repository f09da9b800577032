//! A directly uploaded file that a request names by its key.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::env::Env;
use crate::domain::foreign_kind::ForeignKind;
use crate::domain::ids::OwnerId;
use crate::domain::job::{DeletedUpload, Job, JobStage};
use crate::domain::kind::ImageKind;
use crate::domain::limits::{MAX_JOBS_PER_UPLOAD, MAX_MASK_BYTES};
use crate::domain::upload::{ETag, Upload, UploadKey};
use crate::ports::{Jobs, PortError, UploadObjects, UploadedObject, Uploads};

/// How many of an upload's other jobs are read at once.
const CONCURRENCY: usize = 8;

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
    /// The file was deleted together with a job that was made from it.
    #[error("the file was deleted with its job")]
    Deleted,
    /// As many jobs were made from it as one upload serves.
    #[error("the file was used for {MAX_JOBS_PER_UPLOAD} jobs")]
    Spent,
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
    UnknownKind(Option<ForeignKind>),
    /// The file is of a kind that cannot be decoded [here](super::Env::undecodable).
    #[error("{} cannot be decoded here", .0.name())]
    Undecodable(ImageKind),
    /// The file is a mask of more than [`MAX_MASK_BYTES`].
    #[error("the mask has {found} bytes, and at most {} are allowed", MAX_MASK_BYTES)]
    MaskTooLarge {
        /// Its size in bytes.
        found: u64,
    },
    /// The file is a drawing, and was to be a mask.
    #[error("the mask is a drawing")]
    Drawing,
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
    content: Content,
}

#[derive(Debug)]
enum Content {
    Stored(UploadedObject),
    /// It was deleted. This was its ETag when a job was accepted with it.
    Deleted(ETag),
}

impl UploadStores {
    /// This owner's upload with its object, also after its key has expired and after a job was deleted with it: a request
    /// may be repeated then.
    pub(super) async fn find(&self, owner: &OwnerId, key: UploadKey, now: Timestamp) -> Result<FoundUpload, FindError> {
        let upload = self.records.find(owner, key).await?.ok_or(UploadFault::Unknown)?;
        if let Some(object) = self.objects.head(key).await? {
            return Ok(FoundUpload { upload, content: Content::Stored(object) });
        }
        match self.records.uses(owner, key).await? {
            Some(used) => Ok(FoundUpload { upload, content: Content::Deleted(used.etag) }),
            None if upload.is_expired(now) => Err(UploadFault::Unknown.into()),
            None => Err(UploadFault::Missing.into()),
        }
    }

    /// Deletes the object that a deleted job was made from, if it still has that content. Returns false, and leaves it, if
    /// another job has still to be made from it. Copies of it stay.
    pub(super) async fn delete_with(
        &self,
        deleted: &Job,
        upload: &DeletedUpload,
        jobs: &dyn Jobs,
    ) -> Result<bool, PortError> {
        // Without a record nobody else can use it.
        let used = self.records.uses(&deleted.owner, upload.key).await?;
        let others = used.into_iter().flat_map(|used| used.jobs).filter(|other| *other != deleted.id);
        let mut others = stream::iter(others.map(|other| jobs.get(other))).buffer_unordered(CONCURRENCY);
        while let Some(other) = others.next().await {
            if other?.is_some_and(|job| job.stage() == Some(JobStage::Intake)) {
                return Ok(false);
            }
        }
        self.objects.delete(upload.key, &upload.etag).await?;
        Ok(true)
    }
}

impl FoundUpload {
    /// Identifies the content of the object.
    pub(super) fn etag(&self) -> &ETag {
        match &self.content {
            Content::Stored(object) => &object.etag,
            Content::Deleted(etag) => etag,
        }
    }

    /// The size of the object in bytes.
    pub(super) fn size(&self) -> u64 {
        self.object().map_or(0, |object| object.size)
    }

    /// The first bytes of the object.
    pub(super) fn start(&self) -> &[u8] {
        self.object().map_or(&[], |object| &object.start)
    }

    /// Whether the object's bytes count as the owner's already.
    pub(super) fn is_counted(&self) -> bool {
        self.object().is_some_and(|object| object.is_counted)
    }

    /// Checks that the object, if it is still there, is of a kind that can be decoded here.
    pub(super) fn check_decodable(&self, env: &Env) -> Result<(), UploadFault> {
        let kind = self.object().and_then(|object| env.undecodable_kind(&object.start));
        kind.map_or(Ok(()), |kind| Err(UploadFault::Undecodable(kind)))
    }

    fn object(&self) -> Option<&UploadedObject> {
        match &self.content {
            Content::Stored(object) => Some(object),
            Content::Deleted(_) => None,
        }
    }

    /// Checks that a new job can be made from it.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), UploadFault> {
        if self.upload.is_expired(now) {
            return Err(UploadFault::Unknown);
        }
        let object = self.object().ok_or(UploadFault::Deleted)?;
        let (announced, found) = (self.upload.request.size, object.size);
        if found != announced {
            Err(UploadFault::WrongSize { announced, found })
        } else if ImageKind::sniff(&object.start).is_none() {
            Err(UploadFault::UnknownKind(ForeignKind::sniff(&object.start)))
        } else {
            Ok(())
        }
    }
    /// Checks that it can be the mask of a new job or of a new cut.
    pub(super) fn check_mask(&self, now: Timestamp) -> Result<(), UploadFault> {
        self.check(now)?;
        let found = self.size();
        if found > MAX_MASK_BYTES {
            Err(UploadFault::MaskTooLarge { found })
        } else if self.object().is_some_and(|object| ImageKind::sniff(&object.start) == Some(ImageKind::Svg)) {
            Err(UploadFault::Drawing)
        } else {
            Ok(())
        }
    }
}
