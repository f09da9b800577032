//! Getting a directly uploaded photograph: its object is copied to the job's source inside the store, if it is still the
//! one that the job was accepted with.

use super::worker::Intake;
use crate::domain::failure::{FailureCode, Fault};
use crate::domain::storage::StorageKey;
use crate::domain::upload::{ETag, UploadKey};
use crate::ports::UploadCopy;
use crate::usecases::work::{Attempt, Stop};

impl Intake {
    /// Stores the photograph of a job that was accepted with a file key, once. Its bytes count from the job's
    /// acceptance.
    pub(super) async fn copy_upload(&self, attempt: &mut Attempt, key: UploadKey, etag: &ETag) -> Result<(), Stop> {
        let source = StorageKey::Source { job: attempt.job.id };
        let copy = attempt.keep_blob_call(self.ports.uploads.copy(key, etag, &source)).await?;
        if copy == UploadCopy::Copied {
            return Ok(());
        }
        // An earlier copy, whose answer was lost, may have come before the change.
        match attempt.keep_blob_call(self.ports.blobs.get(&source)).await? {
            Some(_) => Ok(()),
            None => {
                // Nothing of it was stored.
                attempt.job.source_bytes = Some(attempt.job.mask_bytes).filter(|bytes| *bytes > 0);
                Err(source_changed().into())
            }
        }
    }
}

fn source_changed() -> Fault {
    let message = "the uploaded file was replaced or deleted after the job was accepted; upload it again, and send its \
                   new file_key";
    Fault::fail(FailureCode::SourceChanged, message)
}
