//! Masks that come with a request as files.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::digest;
use super::env::Env;
use super::found_upload::{FindError, FoundUpload, UploadFault, UploadStores};
use crate::domain::drops::DroppedObject;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::mask::{JobMask, MaskContent};
use crate::domain::picture_size::mask_refusal;
use crate::domain::request::SourceUrl;
use crate::domain::storage::StorageKey;
use crate::domain::upload::UploadKey;
use crate::ports::{Blobs, DropFiles, PortError, UploadCopy};

/// The mask of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmittedMask {
    /// Its bytes.
    Bytes(Bytes),
    /// Where to fetch it.
    Url(SourceUrl),
    /// The key under which it was uploaded directly.
    Upload(UploadKey),
}

/// The mask of a request, whose content is known as far as it can be.
pub(super) struct IncomingMask {
    pub(super) content: MaskContent,
    file: MaskFile,
}

/// Where the file is.
enum MaskFile {
    Here(Bytes),
    /// It is fetched at intake.
    Remote,
    Uploaded(Box<FoundUpload>, UploadStores),
    Dropped(Box<DroppedMask>),
}

/// A mask that was dropped as a file, and was looked at.
pub(super) struct DroppedMask {
    pub(super) object: DroppedObject,
    /// Its size in bytes.
    pub(super) bytes: u64,
    pub(super) files: Arc<dyn DropFiles>,
}

impl IncomingMask {
    /// Looks what the mask of a request of this owner is. Stores nothing. One whose bytes came with the request is of a kind
    /// that can be decoded.
    pub(super) async fn look(
        mask: &SubmittedMask,
        owner: &OwnerId,
        uploads: Option<&UploadStores>,
        env: &Env,
    ) -> Result<Self, FindError> {
        Ok(match mask {
            SubmittedMask::Bytes(bytes) => {
                let content = MaskContent::Sha256(digest::of_file(bytes.clone()).await?);
                Self { content, file: MaskFile::Here(bytes.clone()) }
            }
            SubmittedMask::Url(url) => Self { content: MaskContent::Url(url.clone()), file: MaskFile::Remote },
            SubmittedMask::Upload(key) => {
                let uploads = uploads.ok_or(UploadFault::Unknown)?;
                let found = uploads.find(owner, *key, env.clock.now()).await?;
                found.check_decodable(env)?;
                let content = MaskContent::Upload { key: *key, etag: found.etag().clone() };
                Self { content, file: MaskFile::Uploaded(Box::new(found), uploads.clone()) }
            }
        })
    }

    /// The mask that was dropped.
    pub(super) fn dropped(mask: DroppedMask) -> Self {
        let content = MaskContent::Drop(mask.object.origin.identity().digest);
        Self { content, file: MaskFile::Dropped(Box::new(mask)) }
    }

    /// The message about a mask that cannot have the size of this photograph, as far as its bytes are here.
    pub(super) fn size_refusal(&self, photo: (u32, u32)) -> Option<String> {
        match &self.file {
            MaskFile::Here(bytes) => mask_refusal(bytes, photo),
            MaskFile::Remote | MaskFile::Uploaded(..) | MaskFile::Dropped(_) => None,
        }
    }

    /// The bytes that are stored before the job is accepted; `None` for a mask that is fetched later.
    pub(super) fn bytes(&self) -> Option<u64> {
        match &self.file {
            MaskFile::Here(bytes) => Some(bytes.len() as u64),
            MaskFile::Remote => None,
            MaskFile::Uploaded(found, _) => Some(found.size()),
            MaskFile::Dropped(mask) => Some(mask.bytes),
        }
    }

    /// The bytes to reserve room for: 0 for a mask that is fetched later, `None` for an upload that counts already.
    pub(super) fn uncounted_bytes(&self) -> Option<u64> {
        match &self.file {
            MaskFile::Uploaded(found, _) if found.is_counted() => None,
            MaskFile::Here(_) | MaskFile::Remote | MaskFile::Uploaded(..) | MaskFile::Dropped(_) => {
                Some(self.bytes().unwrap_or(0))
            }
        }
    }

    /// Whether bytes are stored before the job is accepted.
    pub(super) fn stores_bytes(&self) -> bool {
        self.bytes().is_some()
    }

    /// Stores the mask as that of a job, unless it is fetched later. The same mask may be stored twice. A dropped one
    /// that is gone is [`UploadFault::Missing`].
    pub(super) async fn store(
        &self,
        blobs: &Arc<dyn Blobs>,
        job: JobId,
        mask: &JobMask,
        now: Timestamp,
    ) -> Result<(), FindError> {
        let key = StorageKey::Mask { job, mask: mask.id };
        match &self.file {
            MaskFile::Here(bytes) => Ok(blobs.put(&key, bytes.clone()).await?),
            MaskFile::Remote => Ok(()),
            MaskFile::Uploaded(found, uploads) => {
                found.check_mask(now)?;
                // So it is deleted with the job, and can be told apart from one that was never sent.
                if !uploads.records.note_job(&found.upload, found.etag(), job).await? {
                    return Err(UploadFault::Spent.into());
                }
                match uploads.objects.copy(found.upload.key, found.etag(), &key).await? {
                    UploadCopy::Copied => Ok(()),
                    // Replaced since this request began. Repeated, it finds the new content.
                    UploadCopy::Changed => Err(PortError::retry("the uploaded mask is being replaced").into()),
                }
            }
            MaskFile::Dropped(mask) if mask.files.copy_to(&mask.object, &key).await? => Ok(()),
            MaskFile::Dropped(_) => Err(UploadFault::Missing.into()),
        }
    }

    /// Counts the upload of a mask that a job was accepted with as open no longer. No fault is worth an error here: the
    /// upload counts until it expires.
    pub(super) async fn close(&self) {
        if let MaskFile::Uploaded(found, uploads) = &self.file
            && let Err(error) = uploads.records.close(&found.upload, found.etag()).await
        {
            tracing::warn!(mask_key = %found.upload.key, %error, "upload of an accepted mask still counts as open");
        }
    }
}
