//! Repeating an ended job as a new one.

use std::sync::Arc;

use jiff::Timestamp;

use super::accept::{AcceptError, Acceptor, IdentifiedOutcome};
use super::audit_log::AuditLog;
use super::env::Env;
use super::masks::IncomingMask;
use super::rerun::RerunError;
use super::storage_cap::{Reservation, StorageCap};
use super::submit::AcceptedJob;
use crate::domain::asset::AssetKind;
use crate::domain::audit::{Actor, AuditEvent};
use crate::domain::digest::Digest;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobSpec, JobState, Source};
use crate::domain::keys::Owner;
use crate::domain::mask::JobMask;
use crate::domain::rendering::Rendering;
use crate::domain::request::Mode;
use crate::domain::review::ReviewRule;
use crate::domain::storage::StorageKey;
use crate::domain::subject::{MaskSource, SubjectChanges, SubjectSettings};
use crate::ports::{Audit, Blobs, Identities, Jobs, Keys, PortError, Queue};

/// The use case. The new job has the old one's request and a copy of its source, and costs a credit like any other.
#[derive(Clone)]
pub struct Retry {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Which idempotency keys are known.
    pub identities: Arc<dyn Identities>,
    /// Owners.
    pub keys: Arc<dyn Keys>,
    /// Sources.
    pub blobs: Arc<dyn Blobs>,
    /// Where the job's message goes.
    pub queue: Arc<dyn Queue>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// Who repeats the job, for the audit log.
    pub actor: Actor,
    /// The cap on an owner's stored bytes, if there is one.
    pub storage_cap: Option<StorageCap>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// The job was not repeated.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The owner has no credit left.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// The job is not run again.
    #[error(transparent)]
    Rerun(#[from] RerunError),
}

impl From<PortError> for RetryError {
    fn from(error: PortError) -> Self {
        Self::Rerun(error.into())
    }
}

impl From<AcceptError> for RetryError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::InsufficientCredits => Self::InsufficientCredits,
            AcceptError::Unavailable(error) => error.into(),
        }
    }
}

/// In what a new job differs from the one that it repeats.
#[derive(Clone, Copy)]
pub(super) enum Repetition<'a> {
    /// In nothing: the photograph is processed again.
    Same,
    /// In how its cut is steered, by another mask if one comes with the request. It is made from the evidence of the old
    /// one, is held for review, and costs nothing.
    Recut(&'a SubjectChanges, Option<&'a IncomingMask>),
}

impl Repetition<'_> {
    /// The fingerprint of the request.
    fn fingerprint(self, id: JobId) -> Result<Digest, PortError> {
        match self {
            Self::Same => Ok(Digest::of_parts(&["retry", &id.to_string()])),
            Self::Recut(changes, _) => {
                let changes = serde_json::to_string(changes).map_err(PortError::fail)?;
                Ok(Digest::of_parts(&["recut", &id.to_string(), &changes]))
            }
        }
    }
}

impl<'a> Repetition<'a> {
    /// How the cut is steered.
    fn subject(self, old: &SubjectSettings) -> SubjectSettings {
        match self {
            Self::Same => old.clone(),
            Self::Recut(changes, _) => changes.applied_to(old),
        }
    }

    /// How files are written.
    fn rendering(self, old: &Rendering) -> Rendering {
        match self {
            Self::Same => old.clone(),
            Self::Recut(changes, _) => changes.applied_to_rendering(old),
        }
    }

    /// The mask that comes with the request.
    fn mask(self) -> Option<&'a IncomingMask> {
        match self {
            Self::Same => None,
            Self::Recut(_, mask) => mask,
        }
    }
}

/// A new job, and the room for its source.
struct Prepared {
    job: Job,
    room: Option<Reservation>,
}

/// The job that is repeated.
#[derive(Clone, Copy)]
struct OldJob<'a> {
    owner: &'a OwnerId,
    id: JobId,
    repetition: Repetition<'a>,
}

/// The answer to a request whose key became a job before.
fn replay(known: IdentifiedJob, fingerprint: Digest, mode: Mode) -> Result<AcceptedJob, RerunError> {
    if known.fingerprint == Some(fingerprint) {
        Ok(AcceptedJob { id: known.job, mode, is_replay: true })
    } else {
        Err(RerunError::KeyReused)
    }
}

impl Retry {
    /// Accepts a job that repeats this one, and notes that in the audit log. Once this returns, nothing can lose it. A request that was sent before under
    /// the same idempotency key is answered with the job that it became. `settings` are the owner's, if they were
    /// already read for this request.
    ///
    /// # Errors
    /// [`RetryError`].
    pub async fn run(
        &self,
        owner: &OwnerId,
        settings: Option<Owner>,
        id: JobId,
        key: Option<&IdempotencyKey>,
    ) -> Result<AcceptedJob, RetryError> {
        let key = key.map(|key| key.identity(owner));
        self.repeat(owner, settings, id, key, Repetition::Same).await
    }

    /// As [`Retry::run`], for a new job that may differ from this one, and a request of any identity.
    pub(super) async fn repeat(
        &self,
        owner: &OwnerId,
        settings: Option<Owner>,
        id: JobId,
        key: Option<IdentityKey>,
        repetition: Repetition<'_>,
    ) -> Result<AcceptedJob, RetryError> {
        let old = OldJob { owner, id, repetition };
        let accepted = self.accept(old, settings, key).await?;
        if !accepted.is_replay {
            self.note(old, accepted.id).await;
        }
        Ok(accepted)
    }

    /// Notes the new job in the audit log. It is accepted, so a fault is no reason to report an error.
    async fn note(&self, old: OldJob<'_>, new: JobId) {
        let OldJob { owner, id, repetition } = old;
        let event = match repetition {
            Repetition::Same => AuditEvent::job_retried(id, new),
            Repetition::Recut(..) => AuditEvent::job_recut_as(id, new),
        };
        let log = AuditLog { audit: self.audit.clone(), env: self.env.clone() };
        if let Err(error) = log.note(owner, self.actor.clone(), event).await {
            tracing::error!(job_id = %id, %new, %error, "repetition not noted in the audit log");
        }
    }

    async fn accept(
        &self,
        old: OldJob<'_>,
        settings: Option<Owner>,
        key: Option<IdentityKey>,
    ) -> Result<AcceptedJob, RetryError> {
        let Some(key) = key else {
            let Prepared { job, room } = self.prepare(old, settings).await?;
            let job = self.acceptor().accept(job, room).await?;
            return Ok(AcceptedJob { id: job.id, mode: job.spec.mode, is_replay: false });
        };
        let fingerprint = old.repetition.fingerprint(old.id)?;
        if let Some(first) = self.find(&key, fingerprint).await? {
            return Ok(first);
        }
        let prepared = self.prepare(old, settings);
        match self.accept_identified(prepared, key, fingerprint).await {
            Err(error) if !matches!(error, RetryError::Rerun(RerunError::KeyReused)) => {
                match self.find(&key, fingerprint).await {
                    Ok(Some(first)) => Ok(first),
                    Ok(None) | Err(_) => Err(error),
                }
            }
            result => result,
        }
    }

    async fn accept_identified(
        &self,
        prepared: impl Future<Output = Result<Prepared, RetryError>>,
        key: IdentityKey,
        fingerprint: Digest,
    ) -> Result<AcceptedJob, RetryError> {
        let Prepared { job, room } = prepared.await?;
        let identity = Identity::new(key, Some(fingerprint), job.created_at);
        match self.acceptor().accept_identified(self.identities.as_ref(), &job, &identity, room).await? {
            IdentifiedOutcome::Accepted => Ok(AcceptedJob { id: job.id, mode: job.spec.mode, is_replay: false }),
            IdentifiedOutcome::Known(known) => Ok(replay(known, fingerprint, job.spec.mode)?),
        }
    }

    /// The job of an earlier request with this key.
    async fn find(&self, key: &IdentityKey, fingerprint: Digest) -> Result<Option<AcceptedJob>, RerunError> {
        let Some(known) = self.identities.find(key, self.env.clock.now()).await? else { return Ok(None) };
        if known.fingerprint != Some(fingerprint) {
            return Err(RerunError::KeyReused);
        }
        // Its record outlives the key, and the repeated job's may not. A deleted job still has its mode.
        let job = self.jobs.get(known.job).await?.ok_or(RerunError::NotFound)?;
        Ok(Some(AcceptedJob { id: known.job, mode: job.spec.mode, is_replay: true }))
    }

    fn acceptor(&self) -> Acceptor<'_> {
        Acceptor { jobs: &self.jobs, queue: &self.queue, env: &self.env }
    }

    /// Makes the new job, and copies the source for it.
    async fn prepare(&self, old: OldJob<'_>, settings: Option<Owner>) -> Result<Prepared, RetryError> {
        let OldJob { owner, id, repetition } = old;
        let old = self.ended_job(owner, id).await?;
        // Settings of a while ago must neither charge nor refuse.
        let settings = match settings.filter(|settings| settings.credits.is_none()) {
            Some(settings) => settings,
            None => self.keys.owner(owner).await?,
        };
        let credits = settings.credits.filter(|_| matches!(repetition, Repetition::Same));
        // The debit decides. This check spares a copy that no job would ever own.
        if credits == Some(0) {
            return Err(RetryError::InsufficientCredits);
        }
        let evidence = match repetition {
            Repetition::Same => None,
            Repetition::Recut(..) => old.outcome().and_then(|outcome| outcome.assets.get(&AssetKind::Evidence)),
        };
        // Of the old masks, one is copied at most.
        let others = old.source_bytes.map(|bytes| bytes.saturating_sub(old.mask_bytes));
        let others = others.map(|bytes| bytes.saturating_add(evidence.map_or(0, |evidence| evidence.bytes)));
        let room = match &self.storage_cap {
            Some(cap) => {
                let mask = match repetition.mask() {
                    Some(incoming) => incoming.uncounted_bytes(),
                    None => old.spec.mask.as_ref().and_then(|mask| mask.bytes),
                };
                let reserved = cap.reserve(owner, others.unwrap_or(0).saturating_add(mask.unwrap_or(0))).await;
                Some(reserved.map_err(RerunError::from)?)
            }
            None => None,
        };
        let (new, now) = (self.env.ids.job(), self.env.clock.now());
        let has_source = self.blobs.copy(&StorageKey::Source { job: id }, &StorageKey::Source { job: new }).await?;
        let source = match (&old.spec.source, repetition, has_source) {
            (Source::Url(_), Repetition::Same, _) => old.spec.source.clone(),
            // An upload may be gone, and has been copied before. A cut is corrected on the photograph that it was made from.
            (Source::Stored | Source::Upload { .. } | Source::Url(_), _, true) => Source::Stored,
            (Source::Stored | Source::Upload { .. } | Source::Url(_), _, false) => {
                return Err(RerunError::SourceExpired.into());
            }
        };
        let has_backdrop = match old.spec.set.as_ref().is_some_and(|used| used.set.backdrop().is_some()) {
            true => self.blobs.copy(&StorageKey::Backdrop { job: id }, &StorageKey::Backdrop { job: new }).await?,
            false => true,
        };
        let (mask, has_mask) = self.mask(&old, new, repetition, now).await?;
        let mask_bytes = match repetition.mask() {
            Some(incoming) => incoming.bytes(),
            None => mask.as_ref().filter(|_| has_mask).and_then(|mask| mask.bytes),
        };
        // The new job counts it itself.
        let mask = mask.map(|mask| JobMask { bytes: None, ..mask });
        let subject = repetition.subject(&old.spec.subject);
        let rendering = repetition.rendering(&old.spec.rendering);
        let spec = JobSpec { source, subject, mask, rendering, ..old.spec.clone() };
        let create = |spec| Job::new(new, owner.clone(), spec, now, &self.env.policy).with_charge(credits.is_some());
        let job = match repetition {
            Repetition::Same => create(spec).as_retry_of(&old),
            Repetition::Recut(..) => {
                // Without its evidence, the networks look again.
                if let Some(evidence) = evidence {
                    self.blobs.copy(&evidence.key, &StorageKey::Evidence { job: new }).await?;
                }
                create(JobSpec { review: ReviewRule::Always, ..spec }).as_recut_of(&old)
            }
        };
        // The request's own URL again, or the owner's as it is now.
        let own =
            old.webhook().filter(|(_, webhook)| !webhook.is_default).map(|(_, webhook)| (webhook.url.clone(), false));
        let webhook = own.or_else(|| settings.default_webhook());
        let job = webhook.into_iter().fold(job, |job, (url, is_default)| job.with_webhook(url, is_default));
        // Without a copy, it is fetched again.
        let job = if has_source && has_backdrop && has_mask { job } else { job.awaiting_intake() };
        let job = others.filter(|_| has_source).into_iter().fold(job, Job::with_source_bytes);
        let job = mask_bytes.into_iter().fold(job, Job::with_mask_bytes);
        Ok(Prepared { job, room })
    }

    /// The mask for the new job, and whether it is stored: the one that comes with the request, or a copy of the old one. An
    /// old one that was lost is dropped, unless the cut needs it.
    async fn mask(
        &self,
        old: &Job,
        new: JobId,
        repetition: Repetition<'_>,
        now: Timestamp,
    ) -> Result<(Option<JobMask>, bool), RerunError> {
        if let Some(incoming) = repetition.mask() {
            let mask = JobMask::new(incoming.content.clone(), now);
            incoming.store(&self.blobs, new, &mask, now).await?;
            let is_stored = mask.url().is_none();
            return Ok((Some(mask), is_stored));
        }
        let Some(mask) = old.spec.mask.clone() else { return Ok((None, true)) };
        let key = |job| StorageKey::Mask { job, mask: mask.id };
        if self.blobs.copy(&key(old.id), &key(new)).await? {
            return Ok((Some(mask), true));
        }
        let is_needed = repetition.subject(&old.spec.subject).mask_source == Some(MaskSource::File);
        match repetition {
            Repetition::Same | Repetition::Recut(..) if !is_needed => Ok((None, true)),
            Repetition::Same if mask.url().is_some() => Ok((Some(mask), false)),
            // A cut is corrected with the mask that it was made with.
            Repetition::Same | Repetition::Recut(..) => Err(RerunError::SourceExpired),
        }
    }

    async fn ended_job(&self, owner: &OwnerId, id: JobId) -> Result<Job, RerunError> {
        let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(owner, self.env.clock.now()));
        let job = job.ok_or(RerunError::NotFound)?;
        match &job.state {
            JobState::Done { .. } | JobState::Failed { .. } => Ok(job),
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Review { .. } => Err(RerunError::Pending),
            JobState::Withdrawn { .. } => Err(RerunError::NotFound),
        }
    }
}
