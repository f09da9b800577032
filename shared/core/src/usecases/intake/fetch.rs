//! Getting what a job needs.

use bytes::Bytes;

use super::worker::Intake;
use crate::domain::failure::{FailureCode, Fault};
use crate::domain::job::Source;
use crate::domain::limits::MAX_MASK_BYTES;
use crate::domain::request::SourceUrl;
use crate::domain::storage::StorageKey;
use crate::usecases::work::{Attempt, Stop, storage_unavailable};

impl Intake {
    /// Stores everything that the job needs, and ends its intake.
    pub(super) async fn fetch(&self, attempt: &mut Attempt) -> Result<(), Stop> {
        let others = match attempt.job.is_recutting() {
            // What the draft was made from is stored. Another photograph would not be a correction of it.
            true => attempt.job.source_bytes.unwrap_or(0),
            false => self.store_pictures(attempt).await?,
        };
        let mask = self.store_mask(attempt).await?;
        attempt.note_source_bytes(others.saturating_add(mask));
        attempt.fetched().await
    }

    /// Stores the photograph and the picture behind its subject. Returns their size in bytes.
    async fn store_pictures(&self, attempt: &mut Attempt) -> Result<u64, Stop> {
        let source = self.store_source(attempt).await?;
        attempt.note_source_bytes(source);
        let backdrop = self.store_backdrop(attempt).await?;
        attempt.note_source_bytes(source.saturating_add(backdrop));
        Ok(source.saturating_add(backdrop))
    }

    /// Stores the photograph, each kind of source in its own way. Returns its size in bytes.
    async fn store_source(&self, attempt: &mut Attempt) -> Result<u64, Stop> {
        let key = StorageKey::Source { job: attempt.job.id };
        match attempt.job.spec.source.clone() {
            // The job would not exist if its bytes had not been stored before. If they were lost, the maker says so.
            Source::Stored => Ok(attempt.job.source_bytes.unwrap_or(0)),
            Source::Url(url) => self.fetch_once(attempt, key, &url, |fault| fault).await,
            Source::Upload { key, etag } => self.copy_upload(attempt, key, &etag).await,
        }
    }

    /// Stores the picture behind the subject, if the parameter set has one. Returns its size in bytes.
    async fn store_backdrop(&self, attempt: &mut Attempt) -> Result<u64, Stop> {
        let Some(url) = attempt.job.spec.set.as_ref().and_then(|used| used.set.backdrop()).cloned() else {
            return Ok(0);
        };
        let key = StorageKey::Backdrop { job: attempt.job.id };
        self.fetch_once(attempt, key, &url, |fault| fault.about("the background's image")).await
    }

    /// Stores the mask, if the cut needs one that has to be fetched. Returns its size in bytes.
    async fn store_mask(&self, attempt: &mut Attempt) -> Result<u64, Stop> {
        let mask = attempt.job.spec.mask_file().and_then(|mask| Some((mask.id, mask.url()?.clone())));
        let Some((mask, url)) = mask else { return Ok(0) };
        let key = StorageKey::Mask { job: attempt.job.id, mask };
        self.fetch_once(attempt, key, &url, |fault| fault.about("the mask")).await
    }

    /// Fetches and stores the bytes behind a URL, unless they are stored. Every attempt works on the same stored bytes,
    /// since the content of a URL may change. `describe` adds the subject to a fetch's fault.
    async fn fetch_once(
        &self,
        attempt: &mut Attempt,
        key: StorageKey,
        url: &SourceUrl,
        describe: fn(Fault) -> Fault,
    ) -> Result<u64, Stop> {
        if let Some(stored) = attempt.keep_blob_call(self.ports.blobs.get(&key)).await? {
            return Ok(stored.len() as u64);
        }
        let bytes = attempt
            .keep(self.ports.fetcher.fetch(url))
            .await?
            .and_then(|bytes| within_limit(&key, bytes))
            .map_err(describe)?;
        if attempt.keep_blob_call(self.ports.blobs.put_new(&key, bytes.clone())).await? {
            return Ok(bytes.len() as u64);
        }
        // Another attempt stored them first.
        match attempt.keep_blob_call(self.ports.blobs.get(&key)).await? {
            Some(stored) => Ok(stored.len() as u64),
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
