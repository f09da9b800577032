//! Getting the photograph, and the picture behind the subject.

use bytes::Bytes;

use super::attempt::Attempt;
use super::failures::storage_unavailable;
use super::worker::{Process, Stop};
use crate::domain::failure::{FailureCode, Fault};
use crate::domain::job::Source;
use crate::domain::request::SourceUrl;
use crate::domain::storage::StorageKey;

impl Process {
    /// The photograph.
    pub(super) async fn source(&self, attempt: &mut Attempt) -> Result<Bytes, Stop> {
        let key = StorageKey::Source { job: attempt.job.id };
        match attempt.job.spec.source.clone() {
            Source::Url(url) => self.fetch_once(attempt, key, &url, |fault| fault).await,
            Source::Upload { key: upload, etag } => self.uploaded_source(attempt, upload, &etag).await,
            Source::Stored => attempt.keep_blob_call(self.workshop.blobs.get(&key)).await?.ok_or_else(|| {
                let message = "the uploaded file is no longer stored; upload it again";
                Fault::fail(FailureCode::Internal, message).into()
            }),
        }
    }

    /// The picture behind the subject, if the parameter set has one.
    pub(super) async fn backdrop(&self, attempt: &mut Attempt) -> Result<Option<Bytes>, Stop> {
        let Some(url) = attempt.job.spec.set.as_ref().and_then(|used| used.set.backdrop()).cloned() else {
            return Ok(None);
        };
        let key = StorageKey::Backdrop { job: attempt.job.id };
        self.fetch_once(attempt, key, &url, |fault| fault.about("the background's image")).await.map(Some)
    }

    /// The bytes behind a URL: from the object store, or else fetched and stored. Every attempt works on the
    /// same stored bytes, since the content of a URL may change. `describe` adds the subject to a fetch's fault.
    async fn fetch_once(
        &self,
        attempt: &mut Attempt,
        key: StorageKey,
        url: &SourceUrl,
        describe: fn(Fault) -> Fault,
    ) -> Result<Bytes, Stop> {
        let blobs = &self.workshop.blobs;
        if let Some(bytes) = attempt.keep_blob_call(blobs.get(&key)).await? {
            return Ok(bytes);
        }
        let bytes = attempt.keep(self.workshop.fetcher.fetch(url)).await?.map_err(describe)?;
        if attempt.keep_blob_call(blobs.put_new(&key, bytes.clone())).await? {
            return Ok(bytes);
        }
        attempt.keep_blob_call(blobs.get(&key)).await?.ok_or_else(|| storage_unavailable().into())
    }
}
