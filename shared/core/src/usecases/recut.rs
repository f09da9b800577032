//! Cutting a photograph again with other settings: a held job as its next revision, a done one as a new job.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::audit_log;
use super::env::Env;
use super::found_upload::UploadStores;
use super::masks::{IncomingMask, SubmittedMask};
use super::persist;
use super::rerun::RerunError;
use super::retry::{Repetition, Retry, RetryError};
use super::storage_cap::Reservation;
use super::submit::AcceptedJob;
use crate::domain::audit::{Actor, AuditEvent};
use crate::domain::decision::DraftRevision;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::identity::IdentityKey;
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Effect, Job, JobState, RecutRefused};
use crate::domain::keys::Owner;
use crate::domain::message::Message;
use crate::domain::subject::{MaskSource, SubjectChanges};
use crate::ports::{Destination, Jobs, PortError, Queue, WriteError};

/// How often a recut that conflicts with another write is tried. A held job is written only by reviewers, and by the sender of
/// its webhook.
const TRIES: usize = 10;

/// The use case.
#[derive(Clone)]
pub struct Recut {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Where the job's message goes.
    pub queue: Arc<dyn Queue>,
    /// Makes the new job of an ended one.
    pub retry: Retry,
    /// Direct uploads, for masks; `None` where none can be made.
    pub uploads: Option<UploadStores>,
    /// Who cuts again, for the record and the audit log.
    pub actor: Actor,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// A request to cut a photograph again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecutRequest {
    /// The revision that the reviewer saw; `None` for a job that is done.
    pub revision: Option<DraftRevision>,
    /// What to change. Its own `mask` is ignored.
    pub changes: SubjectChanges,
    /// The mask, if one comes as a file. Then `changes` says so.
    pub mask: Option<SubmittedMask>,
}

/// The photograph is not cut again.
#[derive(Debug, thiserror::Error)]
pub enum RecutError {
    /// The job is held for review, and the request names no revision.
    #[error("the request names no revision of the held job")]
    RevisionMissing,
    /// The job cannot be cut again, or not with what the reviewer saw.
    #[error(transparent)]
    Refused(#[from] RecutRefused),
    /// The job has failed, so it has no cut to correct.
    #[error("the job has failed")]
    Failed,
    /// The request asks for a mask as a file, brings none, and the job never had one.
    #[error("the job has no mask")]
    MaskMissing,
    /// The mask has another size than the photograph. Holds the message.
    #[error("{0}")]
    MaskMismatch(String),
    /// The job is not run again.
    #[error(transparent)]
    Rerun(#[from] RerunError),
}

impl From<PortError> for RecutError {
    fn from(error: PortError) -> Self {
        Self::Rerun(error.into())
    }
}

impl From<RetryError> for RecutError {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::InsufficientCredits => PortError::fail("a recut costs no credit").into(),
            RetryError::Rerun(error) => error.into(),
        }
    }
}

/// The changes, and the mask that comes with them.
struct Correction {
    changes: SubjectChanges,
    mask: Option<IncomingMask>,
}

impl Correction {
    /// Checks what is known about the mask before the job is cut again.
    fn check_mask(&self, job: &Job) -> Result<(), RecutError> {
        let Some(mask) = &self.mask else {
            let is_missing = self.changes.mask_source == Some(MaskSource::File) && job.spec.mask.is_none();
            return if is_missing { Err(RecutError::MaskMissing) } else { Ok(()) };
        };
        let refusal = job.photo_size().and_then(|size| mask.size_refusal(size));
        refusal.map_or(Ok(()), |message| Err(RecutError::MaskMismatch(message)))
    }
}

impl Recut {
    /// Cuts the job again, and returns the job that does so: the held one itself, or a new one. Once this returns, nothing can
    /// lose it. A request about a held job that the same reviewer sends again is answered like the first one; so is one about
    /// a done job under the same idempotency key. `settings` are the owner's, if they were already read for this request.
    ///
    /// # Errors
    /// [`RecutError`].
    pub async fn run(
        &self,
        owner: &OwnerId,
        settings: Option<Owner>,
        id: JobId,
        request: &RecutRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<AcceptedJob, RecutError> {
        let correction = self.correction(owner, request).await?;
        let accepted = match request.revision {
            Some(revision) => self.recut_held(owner, id, revision, &correction).await?,
            None => {
                let key = key.map(|key| key.identity(owner));
                self.recut_done(owner, settings, id, &correction, key).await?
            }
        };
        if let Some(mask) = &correction.mask {
            mask.close().await;
        }
        Ok(accepted)
    }

    /// Cuts the job again by a mask that was dropped as a file: the held one with this revision, or, without one, a
    /// done job as a new one. The file is cut by once: the record of the held job knows its mask, and the new job has
    /// its `identity`.
    pub(super) async fn run_by_drop(
        &self,
        owner: &OwnerId,
        id: JobId,
        revision: Option<DraftRevision>,
        mask: IncomingMask,
        identity: IdentityKey,
    ) -> Result<AcceptedJob, RecutError> {
        let (mask_source, content) = (Some(MaskSource::File), Some(mask.content.clone()));
        let changes = SubjectChanges { mask_source, mask: content, ..SubjectChanges::default() };
        let correction = Correction { changes, mask: Some(mask) };
        match revision {
            Some(revision) => self.recut_held(owner, id, revision, &correction).await,
            None => self.recut_done(owner, None, id, &correction, Some(identity)).await,
        }
    }

    /// Looks what the mask of a request is. Stores nothing.
    async fn correction(&self, owner: &OwnerId, request: &RecutRequest) -> Result<Correction, RerunError> {
        let mask = match &request.mask {
            Some(mask) => Some(IncomingMask::look(mask, owner, self.uploads.as_ref(), &self.env).await?),
            None => None,
        };
        let content = mask.as_ref().map(|mask| mask.content.clone());
        Ok(Correction { changes: SubjectChanges { mask: content, ..request.changes.clone() }, mask })
    }

    /// Accepts a new job that corrects a done one.
    async fn recut_done(
        &self,
        owner: &OwnerId,
        settings: Option<Owner>,
        id: JobId,
        correction: &Correction,
        key: Option<IdentityKey>,
    ) -> Result<AcceptedJob, RecutError> {
        let job = self.find(owner, id).await?;
        match job.state {
            JobState::Done { .. } => {
                correction.check_mask(&job)?;
                let retry = Retry { actor: self.actor.clone(), ..self.retry.clone() };
                let repetition = Repetition::Recut(&correction.changes, correction.mask.as_ref());
                Ok(retry.repeat(owner, settings, id, key, repetition).await?)
            }
            JobState::Review { .. } => Err(RecutError::RevisionMissing),
            JobState::Queued { .. } | JobState::Running { .. } if job.is_recutting() => {
                Err(RecutError::RevisionMissing)
            }
            JobState::Queued { .. } | JobState::Running { .. } => Err(RerunError::Pending.into()),
            JobState::Failed { .. } => Err(RecutError::Failed),
            JobState::Withdrawn { .. } => Err(RerunError::NotFound.into()),
        }
    }

    async fn find(&self, owner: &OwnerId, id: JobId) -> Result<Job, RerunError> {
        let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, self.env.clock.now()));
        job.ok_or(RerunError::NotFound)
    }

    /// Stores the mask, then the transition with its audit entry, then sends the message. One that cannot be sent is left to
    /// the sweep. A mask whose transition is not stored is deleted with the job.
    async fn recut_held(
        &self,
        owner: &OwnerId,
        id: JobId,
        revision: DraftRevision,
        correction: &Correction,
    ) -> Result<AcceptedJob, RecutError> {
        let Correction { changes, mask } = correction;
        // The same for every try, since the mask is stored under an id that depends on it.
        let now = self.env.clock.now();
        for _ in 0..TRIES {
            let job = self.find(owner, id).await?;
            let mode = job.spec.mode;
            if job.has_recut(revision, changes, &self.actor) {
                return Ok(AcceptedJob { id, mode, is_replay: true });
            }
            correction.check_mask(&job)?;
            let by = self.actor.clone();
            let mut recut = job.recut(revision, changes.clone(), by.clone(), now, &self.env.policy)?;
            let room = self.store_mask(owner, mask.as_ref(), &mut recut.job, now).await?;
            let event = AuditEvent::job_recut(id, revision.get());
            recut.effects.push(Effect::Audit(Box::new(audit_log::entry(&self.env, owner, by, event))));
            let stored = persist::replace(self.jobs.as_ref(), &recut).await;
            drop(room);
            match stored {
                Ok(()) => {
                    let (job, message) = (recut.job, Message { job_id: id });
                    tracing::info!(job_id = %id, by = %self.actor, %revision, "recut accepted");
                    if let Err(error) = self.queue.send(&message, Destination::of(&job), Duration::ZERO).await {
                        tracing::warn!(job_id = %id, %error, "message of a recut could not be sent; left to the sweep");
                    }
                    return Ok(AcceptedJob { id, mode, is_replay: false });
                }
                Err(WriteError::Conflict) => {}
                Err(WriteError::Port(error)) => return Err(error.into()),
            }
        }
        Err(PortError::retry("the job keeps changing").into())
    }

    /// Stores the mask of a job that is about to be cut again, and counts it. Returns the room that it takes until the
    /// record counts.
    async fn store_mask(
        &self,
        owner: &OwnerId,
        incoming: Option<&IncomingMask>,
        job: &mut Job,
        now: Timestamp,
    ) -> Result<Option<Reservation>, RerunError> {
        let (Some(incoming), Some(mask)) = (incoming, &job.spec.mask) else { return Ok(None) };
        let room = match (&self.retry.storage_cap, incoming.uncounted_bytes()) {
            (Some(cap), Some(bytes)) => Some(cap.reserve(owner, bytes).await?),
            (Some(_) | None, _) => None,
        };
        incoming.store(&self.retry.blobs, job.id, mask, now).await?;
        *job = incoming.bytes().into_iter().fold(job.clone(), Job::with_mask_bytes);
        Ok(room)
    }
}
