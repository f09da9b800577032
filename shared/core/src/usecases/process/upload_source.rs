//! Getting a directly uploaded photograph: its object is copied to the job's source inside the store, if it is still the
//! one that the job was accepted with.

use bytes::Bytes;

use super::attempt::Attempt;
use super::failures::storage_unavailable;
use super::worker::{Process, Stop};
use crate::domain::failure::{FailureCode, Fault};
use crate::domain::storage::StorageKey;
use crate::domain::upload::{ETag, UploadKey};
use crate::ports::UploadCopy;

impl Process {
    /// The photograph of a job that was accepted with a file key. Every attempt works on the same copy.
    pub(super) async fn uploaded_source(
        &self,
        attempt: &mut Attempt,
        key: UploadKey,
        etag: &ETag,
    ) -> Result<Bytes, Stop> {
        let source = StorageKey::Source { job: attempt.job.id };
        if let Some(bytes) = attempt.keep_blob_call(self.workshop.blobs.get(&source)).await? {
            return Ok(bytes);
        }
        let copy = attempt.keep_blob_call(self.workshop.uploads.copy(key, etag, &source)).await?;
        // An earlier copy, whose answer was lost, may have come before the change.
        match (attempt.keep_blob_call(self.workshop.blobs.get(&source)).await?, copy) {
            (Some(bytes), _) => Ok(bytes),
            (None, UploadCopy::Changed) => Err(source_changed().into()),
            (None, UploadCopy::Copied) => Err(storage_unavailable().into()),
        }
    }
}

fn source_changed() -> Fault {
    let message = "the uploaded file was replaced or deleted after the job was accepted; upload it again, and send its \
                   new file_key";
    Fault::fail(FailureCode::SourceChanged, message)
}
