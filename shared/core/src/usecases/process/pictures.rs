//! Making the pictures and storing them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::sync::watch;

use super::inputs::Inputs;
use super::worker::Process;
use crate::domain::asset::AssetKind;
use crate::domain::attention;
use crate::domain::job::JobSpec;
use crate::domain::outcome::{self, Confidence, Outcome, StoredAsset, StoredPicture, Warnings};
use crate::domain::review::ReviewRule;
use crate::domain::storage::StorageKey;
use crate::domain::variation::Variation;
use crate::ports::{EncodedAsset, EncodedPicture, EvidenceUse, PipelineInput, PipelineOutput, Stage};
use crate::usecases::work::{Attempt, Stop};

impl Process {
    /// Has an image worker make the pictures. An attempt that ends meanwhile drops the run, which stops it.
    ///
    /// Progress arrives through a channel that holds only the latest value, so a run never waits for a store.
    pub(super) async fn run_pipeline(&self, attempt: &mut Attempt, inputs: Inputs) -> Result<PipelineOutput, Stop> {
        let Inputs { source, backdrop, mask, evidence } = inputs;
        let evidence = match evidence {
            Some(bytes) => EvidenceUse::Reuse(bytes),
            None if attempt.job.keeps_evidence() => EvidenceUse::Keep,
            None => EvidenceUse::Drop,
        };
        // A recut is held whatever its confidence.
        let is_recut = attempt.job.is_recutting();
        let previews = if is_recut { ReviewRule::Always } else { attempt.job.spec.preview_rule() };
        // An empty recut would replace a better draft, so it fails.
        let keeps_empty = !is_recut && attempt.job.spec.review.holds(Some(Confidence::NONE));
        let JobSpec { mode, format, rendering, set, subject, .. } = attempt.job.spec.clone();
        let set = set.map(|used| used.set);
        let input = PipelineInput {
            source,
            backdrop,
            mask,
            // No job brings a clean plate so far.
            plate: None,
            mode,
            format,
            rendering,
            set,
            subject,
            previews,
            evidence,
            keeps_empty,
        };
        let (sender, mut progress) = watch::channel((Stage::Background, 0));
        let report = move |stage, percent| {
            sender.send_replace((stage, percent));
        };
        let owner = attempt.job.owner.clone();
        let mut run = self.workshop.image_workers.run(&owner, input, &report);
        let output = loop {
            let next = async {
                tokio::select! {
                    biased;
                    ended = &mut run => Some(ended),
                    Ok(()) = progress.changed() => None,
                }
            };
            match attempt.keep(next).await? {
                Some(ended) => break ended?,
                None => {
                    let (stage, percent) = *progress.borrow_and_update();
                    attempt.reach(stage, percent).await?;
                }
            }
        };
        // A stage that took less time than a write is stored too, so the steps of a job do not depend on the speed of
        // the machine.
        let (stage, percent) = *progress.borrow();
        if attempt.is_before(stage.step()) {
            attempt.reach(stage, percent).await?;
        }
        Ok(output)
    }

    /// Stores all files at once, under the attempt's lease.
    pub(super) async fn deliver(&self, attempt: &mut Attempt, output: PipelineOutput) -> Result<Outcome, Stop> {
        let PipelineOutput {
            pictures,
            final_picture,
            assets,
            confidence,
            crop_box,
            attention,
            pixel_check,
            warnings,
            ignored,
        } = output;
        let mut upload = Upload::new(attempt);
        let pictures: BTreeMap<_, _> = pictures.into_iter().map(|picture| upload.picture(picture)).collect();
        let assets: BTreeMap<_, _> = assets.into_iter().map(|asset| upload.asset(asset)).collect();
        let blobs = &self.workshop.blobs;
        let puts = upload.files.iter().map(|(key, bytes)| blobs.put(key, bytes.clone()));
        attempt.keep_blob_call(try_join_all(puts)).await?;
        Ok(Outcome {
            pictures,
            final_picture,
            assets,
            confidence: Some(confidence),
            crop_box,
            attention: attention::bounded(attention),
            pixel_check,
            warnings: self::warnings(warnings, &attempt.job.spec),
            ignored: ignored.iter().map(|variation| variation.as_str().to_owned()).collect(),
            pipeline_version: self.workshop.image_workers.version().to_owned(),
        })
    }
}

/// The warnings about the pictures, and those from when the job was accepted.
fn warnings(of_pictures: Warnings, spec: &JobSpec) -> Warnings {
    let mut warnings = outcome::bounded(of_pictures);
    for (topic, sentences) in &spec.warnings {
        warnings.entry(topic.clone()).or_default().extend_from_slice(sentences);
    }
    warnings
}

/// The files to store for one attempt.
struct Upload {
    job: crate::JobId,
    lease: crate::LeaseToken,
    files: Vec<(StorageKey, Bytes)>,
}

impl Upload {
    fn new(attempt: &Attempt) -> Self {
        Self { job: attempt.job.id, lease: attempt.token, files: Vec::new() }
    }

    fn picture(&mut self, picture: EncodedPicture) -> (Variation, StoredPicture) {
        let EncodedPicture { variation, format, bytes, width, height } = picture;
        let key = StorageKey::Output { job: self.job, lease: self.lease, variation, format };
        (variation, StoredPicture { key, bytes: self.add(key, bytes), width, height })
    }

    fn asset(&mut self, asset: EncodedAsset) -> (AssetKind, StoredAsset) {
        let EncodedAsset { kind, bytes } = asset;
        let key = StorageKey::Asset { job: self.job, lease: self.lease, kind };
        (kind, StoredAsset { key, bytes: self.add(key, bytes) })
    }

    /// Adds a file, and returns its length in bytes.
    fn add(&mut self, key: StorageKey, bytes: Bytes) -> u64 {
        let length = bytes.len() as u64;
        self.files.push((key, bytes));
        length
    }
}
