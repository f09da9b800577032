//! Reading what the pictures are made from.

use bytes::Bytes;

use super::worker::Process;
use crate::domain::storage::StorageKey;
use crate::usecases::work::{Attempt, Stop};

/// What the pictures are made from, as it was uploaded or fetched.
pub(super) struct Inputs {
    pub(super) source: Bytes,
    /// The picture behind the subject, if the parameter set has one.
    pub(super) backdrop: Option<Bytes>,
    /// The mask, if the cut is made by one that came as a file.
    pub(super) mask: Option<Bytes>,
    /// The evidence of the cut that is made again.
    pub(super) evidence: Option<Bytes>,
}

impl Process {
    /// The stored photograph, backdrop, mask and evidence; `None` if one of the first three is not stored. Without evidence,
    /// the networks look again.
    pub(super) async fn inputs(&self, attempt: &mut Attempt) -> Result<Option<Inputs>, Stop> {
        let (job, blobs) = (attempt.job.id, &self.workshop.blobs);
        let has_backdrop = attempt.job.spec.set.as_ref().is_some_and(|used| used.set.backdrop().is_some());
        let source = attempt.keep_blob_call(blobs.get(&StorageKey::Source { job })).await?;
        let backdrop = match has_backdrop {
            true => attempt.keep_blob_call(blobs.get(&StorageKey::Backdrop { job })).await?,
            false => None,
        };
        let mask_key = attempt.job.spec.mask_file().map(|mask| StorageKey::Mask { job, mask: mask.id });
        let mask = match &mask_key {
            Some(key) => attempt.keep_blob_call(blobs.get(key)).await?,
            None => None,
        };
        let has_all = backdrop.is_some() == has_backdrop && mask.is_some() == mask_key.is_some();
        let Some(source) = source.filter(|_| has_all) else { return Ok(None) };
        let evidence = match attempt.job.evidence() {
            Some(key) => attempt.keep_blob_call(blobs.get(&key)).await?.map(|bytes| (key, bytes)),
            None => None,
        };
        // That of its own draft counts with the draft.
        let copied = evidence.as_ref().filter(|(key, _)| *key == StorageKey::Evidence { job }).map(|(_, bytes)| bytes);
        let lengths =
            [Some(&source), backdrop.as_ref(), mask.as_ref(), copied].map(|bytes| bytes.map_or(0, Bytes::len));
        attempt.note_source_bytes(lengths.iter().sum::<usize>() as u64);
        Ok(Some(Inputs { source, backdrop, mask, evidence: evidence.map(|(_, bytes)| bytes) }))
    }
}
