//! Taking dropped files in, and answering them.
//!
//! **In**: first the source, then the job's record together with the drop's identity, then the message. A drop that is
//! told of again is known by its identity, and whatever stopped in between is gone through once more.
//!
//! **Out**: first the pictures, then the manifest, then the record says that it was reported. The pictures of two drops
//! of one path have the same names, so what holds them to one manifest is an optimistic turn: read the manifest, write
//! the pictures, and replace the manifest only if it is still the one that was read. Where it is not, or where it is one
//! of a newer drop, the turn begins anew, with the pictures of the newest drop. Who stops halfway has not reported, and
//! is brought back by the sweep to take another turn. So at last the newest drop's pictures lie beside its manifest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::drop_manifest::{self as manifest, Head, Published, Refusal};
use super::param_sets::ParamSetLibrary;
use super::persist;
use crate::domain::drops::{DropOrigin, DroppedObject, MAX_BYTES};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobParamSet, JobSpec, JobState, Source};
use crate::domain::kind::ImageKind;
use crate::domain::message::Message;
use crate::domain::outcome::{Outcome, Variation};
use crate::domain::policy::Policy;
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode};
use crate::domain::storage::StorageKey;
use crate::ports::{
    Blobs, CreateError, DropContent, DropFiles, Drops, Jobs, Keys, PortError, Queue, StoredManifest, WriteError,
};
use crate::ports::{Clock, Ids};

/// How many turns a manifest gets. Another turn means that somebody else wrote it, so a few are plenty.
const TURNS: usize = 8;

/// The use case.
#[derive(Clone)]
pub struct DropIngest {
    /// Which drops are known.
    pub drops: Arc<dyn Drops>,
    /// The dropped files, and where their results go.
    pub files: Arc<dyn DropFiles>,
    /// The jobs that they become.
    pub jobs: Arc<dyn Jobs>,
    /// Sources and outputs.
    pub blobs: Arc<dyn Blobs>,
    /// Where the message goes.
    pub queue: Arc<dyn Queue>,
    /// Who is an owner.
    pub keys: Arc<dyn Keys>,
    /// The owners' parameter sets.
    pub sets: ParamSetLibrary,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// The job's rules.
    pub policy: Policy,
}

/// What became of a dropped file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestOutcome {
    /// It is this job.
    Job(JobId),
    /// It was taken in before.
    Known,
    /// It became no job, and its manifest says why.
    Refused,
    /// It is no longer there, or another file is there now, of which is told too.
    Gone,
}

/// What is told of a drop.
#[derive(Clone, Copy)]
enum Ending<'a> {
    Refused(&'a Refusal),
    Ended(&'a Job),
}

impl DropIngest {
    /// Takes a file in.
    ///
    /// # Errors
    /// [`PortError`] if it is to be tried again. What was done until then is done, and known by the next try.
    #[tracing::instrument(name = "drop", skip(self, object), fields(path = %object.origin.path))]
    pub async fn take(&self, object: &DroppedObject) -> Result<IngestOutcome, PortError> {
        let origin = &object.origin;
        if let Some(job) = self.drops.find(&origin.id()).await? {
            return self.known(job).await;
        }
        let (owner, set) = match self.ordered(origin).await? {
            Ok(ordered) => ordered,
            Err(refusal) => return self.refuse(origin, &refusal).await,
        };
        let source = match self.files.read(object).await {
            Ok(DropContent::Bytes(bytes)) => bytes,
            Ok(DropContent::TooLarge { bytes }) => {
                let message = format!("the file has {bytes} bytes, and may have at most {MAX_BYTES}");
                let refusal = Refusal::new(FailureCode::SourceTooLarge.as_str(), message);
                return self.refuse(origin, &refusal).await;
            }
            Ok(DropContent::Gone) => {
                tracing::info!("a dropped file is no longer there");
                return Ok(IngestOutcome::Gone);
            }
            Err(PortError::Fail(error)) => {
                tracing::error!(%error, "a dropped file cannot be read");
                let message = "the file cannot be read: see to its permissions, its encryption and its storage class";
                return self.refuse(origin, &Refusal::new("unreadable_source", message)).await;
            }
            Err(error @ PortError::Retry(_)) => return Err(error),
        };
        if ImageKind::sniff(&source).is_none() {
            let message = match source.is_empty() {
                true => "the file is empty",
                false => "the file is none of JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD and SVG",
            };
            return self.refuse(origin, &Refusal::new(FailureCode::UnsupportedSource.as_str(), message)).await;
        }
        self.begin(origin, owner, set, source).await
    }

    /// A drop that became a job before. Where only its answer is missing, it is given now.
    async fn known(&self, id: JobId) -> Result<IngestOutcome, PortError> {
        if let Some(job) = self.jobs.get(id).await?
            && job.unreported().is_some()
        {
            self.report(&job).await?;
        }
        Ok(IngestOutcome::Known)
    }

    /// Whose job it is to be and with which set, as the path says.
    async fn ordered(&self, origin: &DropOrigin) -> Result<Result<(OwnerId, JobParamSet), Refusal>, PortError> {
        let path = &origin.path;
        let owner = match path.owner().parse::<OwnerId>() {
            Ok(owner) if self.keys.is_known(&owner).await? => owner,
            Ok(_) | Err(_) => {
                let message = format!("there is no owner {:?}; the first folder names one who has a key", path.owner());
                return Ok(Err(Refusal::new("unknown_owner", message)));
            }
        };
        match self.sets.find(&owner, path.set()).await? {
            Some(set) => Ok(Ok((owner, set))),
            None => {
                let choices = self.sets.names(&owner).await?;
                let names: Vec<_> = choices.iter().map(|name| name.as_str()).collect();
                let message = format!("there is no parameter set {:?}; there are {}", path.set(), names.join(", "));
                Ok(Err(Refusal { choices, ..Refusal::new("unknown_set", message) }))
            }
        }
    }

    /// Makes the job.
    async fn begin(
        &self,
        origin: &DropOrigin,
        owner: OwnerId,
        set: JobParamSet,
        source: Bytes,
    ) -> Result<IngestOutcome, PortError> {
        let charged = self.keys.owner(&owner).await?.credits.is_some();
        let (id, drop) = (self.ids.job(), origin.id());
        self.blobs.put(&StorageKey::Source { job: id }, source).await?;
        let spec = JobSpec {
            mode: Mode::Params,
            delivery: DeliveryMode::Url,
            format: None,
            rendering: Rendering::default(),
            set: Some(set),
            source: Source::Stored,
        };
        let job = Job::new(id, owner, spec, charged, self.clock.now(), &self.policy).dropped(origin.clone());
        match self.drops.create(&job, &drop).await {
            Ok(()) => {}
            Err(CreateError::InsufficientCredits) => {
                let refusal = Refusal::new("insufficient_credits", "the owner has no credit left");
                return self.refuse(origin, &refusal).await;
            }
            // Somebody was faster, or this is the answer to a retry of a write that had gone through.
            Err(CreateError::Exists) => match self.drops.find(&drop).await? {
                Some(found) if found == id => {}
                Some(_) => return Ok(IngestOutcome::Known),
                None => return Err(PortError::retry("the job's id was taken")),
            },
            Err(CreateError::Port(error)) => return Err(error),
        }
        // A message that is not sent is found to be missing by the sweep. The job is as good as any.
        if let Err(error) = self.queue.send(&Message { job_id: id }, Duration::ZERO).await {
            tracing::warn!(job = %id, %error, "the message of a dropped file's job could not be sent");
        }
        Ok(IngestOutcome::Job(id))
    }

    async fn refuse(&self, origin: &DropOrigin, refusal: &Refusal) -> Result<IngestOutcome, PortError> {
        tracing::info!(code = refusal.code, "a dropped file became no job");
        self.publish(origin, Ending::Refused(refusal)).await?;
        Ok(IngestOutcome::Refused)
    }

    /// Answers a drop whose job has ended, and notes that in its record. A job that needs no answer is left as it is.
    ///
    /// # Errors
    /// [`PortError`] if it is to be tried again.
    pub async fn report(&self, job: &Job) -> Result<(), PortError> {
        let Some(origin) = job.unreported() else { return Ok(()) };
        self.publish(origin, Ending::Ended(job)).await?;
        let mut current = job.clone();
        loop {
            let Ok(reported) = current.report() else { return Ok(()) };
            match persist::replace(self.jobs.as_ref(), &reported).await {
                Ok(()) => return Ok(()),
                // The sweep reminded of it in between.
                Err(WriteError::Conflict) => match self.jobs.get(job.id).await? {
                    Some(job) => current = job,
                    None => return Ok(()),
                },
                Err(WriteError::Port(error)) => return Err(error),
            }
        }
    }

    /// Writes what is told of a drop, unless more is known of a newer one.
    async fn publish(&self, origin: &DropOrigin, ending: Ending<'_>) -> Result<(), PortError> {
        let path = &origin.path;
        for _ in 0..TURNS {
            let stored = self.files.manifest(path).await?;
            let tag = stored.as_ref().map(|stored| &stored.tag);
            match stored.as_ref().and_then(|StoredManifest { bytes, .. }| Head::read(bytes)) {
                Some(newer) if newer.sequencer.is_newer_than(&origin.sequencer) => {
                    // An earlier turn may have written over the newer one's pictures.
                    self.restore(origin, newer).await?;
                    if self.files.manifest(path).await?.as_ref().map(|stored| &stored.tag) == tag {
                        return Ok(());
                    }
                }
                Some(_) | None => {
                    let manifest = self.written(origin, ending).await?;
                    if self.files.put_manifest(path, manifest, tag).await? {
                        return Ok(());
                    }
                }
            }
        }
        Err(PortError::retry("the manifest is written by others all the time"))
    }

    /// Puts the pictures of the drop back that has a path's manifest.
    async fn restore(&self, origin: &DropOrigin, newer: Head) -> Result<(), PortError> {
        let Some(id) = newer.job_id else { return Ok(()) };
        let Some(job) = self.jobs.get(id).await? else { return Ok(()) };
        if let JobState::Done { outcome, .. } = &job.state {
            self.copied(origin, outcome).await?;
        }
        Ok(())
    }

    /// Writes the pictures, where there are any, and gives the manifest that tells of them.
    async fn written(&self, origin: &DropOrigin, ending: Ending<'_>) -> Result<Bytes, PortError> {
        let job = match ending {
            Ending::Refused(refusal) => return manifest::refused(origin, refusal, self.clock.now()),
            Ending::Ended(job) => job,
        };
        match &job.state {
            JobState::Done { at, outcome } => match self.copied(origin, outcome).await? {
                Some(variations) => manifest::done(origin, job, outcome, &variations, *at),
                None => manifest::failed(origin, job, &forgotten(), *at),
            },
            JobState::Failed { at, failure } => manifest::failed(origin, job, failure, *at),
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Withdrawn { .. } => {
                Err(PortError::fail("a job is reported that has not ended"))
            }
        }
    }

    /// Copies a job's pictures to where the drop's results go; `None` if one is no longer stored.
    async fn copied(
        &self,
        origin: &DropOrigin,
        outcome: &Outcome,
    ) -> Result<Option<BTreeMap<Variation, Published>>, PortError> {
        let mut published = BTreeMap::new();
        // One after another: each may have tens of megabytes.
        for (variation, output) in &outcome.pictures {
            let Some(bytes) = self.blobs.get(&output.key).await? else { return Ok(None) };
            let (file, content_type) = (output.key.file_name(), output.key.content_type());
            self.files.put_result(&origin.path, &file, content_type, bytes.clone()).await?;
            let (width, height, size) = (output.width, output.height, bytes.len() as u64);
            let sha256 = checksum(bytes).await?;
            published.insert(*variation, Published { file, content_type, width, height, bytes: size, sha256 });
        }
        Ok(Some(published))
    }
}

/// The SHA-256 of a file, in lower-case hexadecimal digits, where it may take a while.
async fn checksum(bytes: Bytes) -> Result<String, PortError> {
    let hash = tokio::task::spawn_blocking(move || Sha256::digest(&bytes)).await.map_err(PortError::retry)?;
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn forgotten() -> Failure {
    Failure {
        code: FailureCode::StorageUnavailable,
        message: "the pictures were made and are no longer stored; drop the file again".to_owned(),
        retryable: true,
    }
}
