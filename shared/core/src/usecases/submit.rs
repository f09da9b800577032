//! Accepting a job: first its source is stored, then its record, then its message is sent. A source without a record
//! expires; [`accept`](super::accept) describes the rest.

use std::sync::Arc;

use super::accept::{AcceptError, Acceptor, IdentifiedOutcome};
use super::env::Env;
use super::fingerprint;
use super::param_sets::ParamSetLibrary;
use super::storage_cap::{Reservation, ReserveError, StorageCap, StorageFull};
use super::submission::{Submission, SubmittedSet, SubmittedSource};
use crate::domain::digest::Digest;
use crate::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobParamSet, JobSpec, Source};
use crate::domain::params::SetName;
use crate::domain::request::Mode;
use crate::domain::storage::StorageKey;
use crate::ports::{Blobs, Identities, Jobs, Keys, PortError, Queue};

/// A job that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedJob {
    /// Its id. If the request repeats an earlier one, its record may be gone.
    pub id: JobId,
    /// Its mode.
    pub mode: Mode,
    /// Whether it was accepted before, for an earlier request with the same idempotency key.
    pub is_replay: bool,
}

/// A request with an idempotency key.
#[derive(Clone, Copy)]
struct IdentifiedRequest {
    key: IdentityKey,
    fingerprint: Digest,
    mode: Mode,
}

impl IdentifiedRequest {
    /// The answer to this request if its identity became a job before. Equal requests have equal modes, so the answer
    /// needs nothing of that job's record.
    fn replay(&self, known: IdentifiedJob) -> Result<AcceptedJob, SubmitError> {
        if known.fingerprint == Some(self.fingerprint) {
            Ok(AcceptedJob { id: known.job, mode: self.mode, is_replay: true })
        } else {
            Err(SubmitError::KeyReused)
        }
    }
}

/// The job was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The owner has no credit left.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// The source does not fit under the cap on the owner's stored bytes. Nothing was stored.
    #[error(transparent)]
    StorageFull(StorageFull),
    /// Neither the owner nor the presets have a parameter set of this name.
    #[error("unknown parameter set")]
    UnknownSet {
        /// The known names, the owner's own first.
        known: Vec<SetName>,
    },
    /// An earlier request with the same idempotency key was another one.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A store or the queue has a fault. The job is withdrawn. If that fails too, the job stays queued and is
    /// processed, although the caller never learns its id. With an idempotency key, the job may exist, and the caller
    /// learns its id by repeating the request.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl From<AcceptError> for SubmitError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::InsufficientCredits => Self::InsufficientCredits,
            AcceptError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<ReserveError> for SubmitError {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Full(full) => Self::StorageFull(full),
            ReserveError::Port(error) => Self::Unavailable(error),
        }
    }
}

/// The use case.
#[derive(Clone)]
pub struct Submit {
    /// The records.
    pub jobs: Arc<dyn Jobs>,
    /// Which idempotency keys are known.
    pub identities: Arc<dyn Identities>,
    /// Owners.
    pub keys: Arc<dyn Keys>,
    /// The owners' parameter sets.
    pub sets: ParamSetLibrary,
    /// Sources.
    pub blobs: Arc<dyn Blobs>,
    /// Where the job's message goes.
    pub queue: Arc<dyn Queue>,
    /// The cap on an owner's stored bytes, if there is one.
    pub storage_cap: Option<StorageCap>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// A job that is ready to be accepted, and the room for its source.
struct PreparedJob {
    job: Job,
    reservation: Option<Reservation>,
}

impl Submit {
    /// Accepts a job. Once this returns, nothing can lose it. A request that repeats an earlier one under the same
    /// idempotency key is answered with the earlier job, and stores nothing.
    ///
    /// # Errors
    /// [`SubmitError`]. Then no job exists and no credit was spent, unless the job could not be withdrawn: see
    /// [`SubmitError::Unavailable`].
    pub async fn run(&self, submission: Submission) -> Result<AcceptedJob, SubmitError> {
        let mode = submission.mode;
        let Some(key) = submission.idempotency_key.as_ref().map(|key| key.identity(&submission.owner)) else {
            let PreparedJob { job, reservation } = self.prepare(submission).await?;
            let job = self.acceptor().accept(job, reservation).await?;
            return Ok(AcceptedJob { id: job.id, mode, is_replay: false });
        };
        let request = IdentifiedRequest { key, fingerprint: fingerprint::of(&submission).await?, mode };
        if let Some(known) = self.identities.find(&key, self.env.clock.now()).await? {
            return request.replay(known);
        }
        match self.submit_identified(submission, request).await {
            // Such as 402 for the credit that the first of two equal requests has just spent.
            Err(error) if !matches!(error, SubmitError::KeyReused) => {
                match self.identities.find(&key, self.env.clock.now()).await {
                    Ok(Some(known)) => request.replay(known),
                    Ok(None) | Err(_) => Err(error),
                }
            }
            result => result,
        }
    }

    async fn submit_identified(
        &self,
        submission: Submission,
        request: IdentifiedRequest,
    ) -> Result<AcceptedJob, SubmitError> {
        let PreparedJob { job, reservation } = self.prepare(submission).await?;
        let identity = Identity::new(request.key, Some(request.fingerprint), job.created_at);
        let identities = self.identities.as_ref();
        match self.acceptor().accept_identified(identities, &job, &identity, reservation).await? {
            IdentifiedOutcome::Accepted => Ok(AcceptedJob { id: job.id, mode: request.mode, is_replay: false }),
            IdentifiedOutcome::Known(known) => request.replay(known),
        }
    }

    fn acceptor(&self) -> Acceptor<'_> {
        Acceptor { jobs: &self.jobs, queue: &self.queue, env: &self.env }
    }

    /// Checks the request and stores its source.
    async fn prepare(&self, submission: Submission) -> Result<PreparedJob, SubmitError> {
        let Submission { owner, settings, mode, delivery, format, rendering, set, source, lane, .. } = submission;
        let set = self.resolve_set(&owner, mode, set).await?;
        // They were read before the body, which may take minutes: settings of then must neither charge nor refuse.
        let settings = match settings.filter(|settings| settings.credits.is_none()) {
            Some(settings) => settings,
            None => self.keys.owner(&owner).await?,
        };
        let credits = settings.credits;
        // The debit decides. This check spares a source that no job would ever own.
        if credits == Some(0) {
            return Err(SubmitError::InsufficientCredits);
        }
        let source_bytes = source.bytes();
        let reservation = self.reserve(&owner, source_bytes).await?;
        let (id, now) = (self.env.ids.job(), self.env.clock.now());
        let source = self.store_source(id, source).await?;
        let (external_id, metadata) = (submission.external_id, submission.metadata);
        let spec = JobSpec { mode, delivery, format, rendering, set, source, external_id, metadata };
        let job = Job::new(id, owner, spec, now, &self.env.policy).with_charge(credits.is_some()).in_lane(lane);
        let job = source_bytes.into_iter().fold(job, Job::with_source_bytes);
        let job = if job.spec.needs_intake() { job.awaiting_intake() } else { job };
        Ok(PreparedJob { job, reservation })
    }

    /// The parameter set of the job.
    async fn resolve_set(
        &self,
        owner: &OwnerId,
        mode: Mode,
        set: Option<SubmittedSet>,
    ) -> Result<Option<JobParamSet>, SubmitError> {
        let found = match (mode, set) {
            (Mode::Background | Mode::Clipping, _) => return Ok(None),
            (Mode::Params, Some(SubmittedSet::Named(name))) => self.sets.find(owner, &name).await?,
            (Mode::Params, Some(SubmittedSet::Inline(set))) => {
                Some(JobParamSet { name: None, revision: None, set: *set })
            }
            (Mode::Params, None) => None,
        };
        match found {
            Some(set) => Ok(Some(set)),
            None => Err(SubmitError::UnknownSet { known: self.sets.names(owner).await? }),
        }
    }

    /// Reserves room for the source. A source that is fetched later is refused if the owner has no room left.
    async fn reserve(&self, owner: &OwnerId, bytes: Option<u64>) -> Result<Option<Reservation>, SubmitError> {
        match &self.storage_cap {
            Some(cap) => Ok(Some(cap.reserve(owner, bytes.unwrap_or(0)).await?)),
            None => Ok(None),
        }
    }

    async fn store_source(&self, job: JobId, source: SubmittedSource) -> Result<Source, PortError> {
        match source {
            SubmittedSource::Url(url) => Ok(Source::Url(url)),
            SubmittedSource::Bytes(bytes) => {
                self.blobs.put(&StorageKey::Source { job }, bytes).await?;
                Ok(Source::Stored)
            }
        }
    }
}
