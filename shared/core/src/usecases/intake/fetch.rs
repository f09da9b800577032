//! Getting what a job needs.

use bytes::Bytes;

use super::worker::Intake;
use crate::domain::failure::{FailureCode, Fault};
use crate::domain::job::Source;
use crate::domain::limits::MAX_MASK_BYTES;
use crate::domain::request::SourceUrl;
use crate::domain::storage::StorageKey;
use crate::usecases::work::{Attempt, Stop, storage_unavailable};

/// Bytes that are stored.
struct StoredBytes {
    size: u64,
    /// Whether this attempt stored them.
    is_new: bool,
}

impl Intake {
    /// Stores everything that the job needs, and ends its intake.
    pub(super) async fn fetch(&self, attempt: &mut Attempt) -> Result<(), Stop> {
        // The photograph of a draft is stored. Another one would not be a correction of it.
        if !attempt.job.is_recutting() {
            self.store_source(attempt).await?;
            self.store_backdrop(attempt).await?;
        }
        self.store_mask(attempt).await?;
        attempt.fetched().await
    }

    /// Stores the photograph, each kind of source in its own way, and counts its bytes.
    async fn store_source(&self, attempt: &mut Attempt) -> Result<(), Stop> {
        let key = StorageKey::Source { job: attempt.job.id };
        match attempt.job.spec.source.clone() {
            // The job would not exist if its bytes had not been stored before. If they were lost, the maker says so.
            Source::Stored => Ok(()),
            Source::Url(url) => {
                let stored = self.fetch_once(attempt, key, &url, |fault| fault).await?;
                // It is counted before everything but a mask that came with the request.
                if attempt.job.source_bytes.unwrap_or(0) <= attempt.job.mask_bytes {
                    attempt.add_source_bytes(stored.size);
                }
                Ok(())
            }
            Source::Upload { key, etag } => self.copy_upload(attempt, key, &etag).await,
        }
    }

    /// Stores the picture behind the subject, if the parameter set has one, and counts its bytes. If an interrupted attempt
    /// stored it, they count when the pictures are made.
    async fn store_backdrop(&self, attempt: &mut Attempt) -> Result<(), Stop> {
        let Some(url) = attempt.job.spec.set.as_ref().and_then(|used| used.set.backdrop()).cloned() else {
            return Ok(());
        };
        let key = StorageKey::Backdrop { job: attempt.job.id };
        let stored = self.fetch_once(attempt, key, &url, |fault| fault.about("the background's image")).await?;
        if stored.is_new {
            attempt.add_source_bytes(stored.size);
        }
        Ok(())
    }

    /// Stores the mask, if the cut needs one that has to be fetched, and counts its bytes.
    async fn store_mask(&self, attempt: &mut Attempt) -> Result<(), Stop> {
        let mask = attempt.job.spec.mask_file().and_then(|mask| Some((mask.id, mask.url()?.clone())));
        let Some((mask, url)) = mask else { return Ok(()) };
        let key = StorageKey::Mask { job: attempt.job.id, mask };
        let stored = self.fetch_once(attempt, key, &url, |fault| fault.about("the mask")).await?;
        attempt.count_mask(stored.size);
        Ok(())
    }

    /// Fetches and stores the bytes behind a URL, unless they are stored. Every attempt works on the same stored bytes,
    /// since the content of a URL may change. `describe` adds the subject to a fetch's fault.
    async fn fetch_once(
        &self,
        attempt: &mut Attempt,
        key: StorageKey,
        url: &SourceUrl,
        describe: fn(Fault) -> Fault,
    ) -> Result<StoredBytes, Stop> {
        if let Some(stored) = attempt.keep_blob_call(self.ports.blobs.get(&key)).await? {
            return Ok(StoredBytes { size: stored.len() as u64, is_new: false });
        }
        let bytes = attempt
            .keep(self.ports.fetcher.fetch(url))
            .await?
            .and_then(|bytes| within_limit(&key, bytes))
            .map_err(describe)?;
        if attempt.keep_blob_call(self.ports.blobs.put_new(&key, bytes.clone())).await? {
            return Ok(StoredBytes { size: bytes.len() as u64, is_new: true });
        }
        // Another attempt stored them first.
        match attempt.keep_blob_call(self.ports.blobs.get(&key)).await? {
            Some(stored) => Ok(StoredBytes { size: stored.len() as u64, is_new: false }),
            None => Err(storage_unavailable().into()),
        }
    }
}

/// The bytes that were fetched for this object. A mask has a limit of its own; that of the others is the fetcher's.
fn within_limit(key: &StorageKey, bytes: Bytes) -> Result<Bytes, Fault> {
    match key {
        StorageKey::Mask { .. } if bytes.len() as u64 > MAX_MASK_BYTES => {
            let message = format!("the file is larger than {} MB", MAX_MASK_BYTES / 1_000_000);
            Err(Fault::fail(FailureCode::SourceTooLarge, message))
        }
        _ => Ok(bytes),
    }
}
