//! Accepting a job: first its source is stored, then its record, then its message is sent. A source without a record
//! expires; [`accept`](super::accept) describes the rest.

use std::sync::Arc;

use bytes::Bytes;
use futures::join;

use super::accept::{AcceptError, Acceptor, IdentifiedOutcome};
use super::env::Env;
use super::fingerprint;
use super::found_upload::{FindError, FoundUpload, UploadFault, UploadStores};
use super::masks::IncomingMask;
use super::names::{JobNames, MissingMember, RequestedNames};
use super::param_sets::ParamSetLibrary;
use super::storage_cap::{Reservation, ReserveError, StorageCap, StorageFull};
use super::submission::{Submission, SubmittedSet, SubmittedSource};
use crate::domain::digest::Digest;
use crate::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::inks::{self, InksNotHeld};
use crate::domain::job::{Job, JobParamSet, JobSpec, Source};
use crate::domain::mask::JobMask;
use crate::domain::params::{ParamSet, SetName};
use crate::domain::rendering::Rendering;
use crate::domain::request::Mode;
use crate::domain::requested_format::RequestedFormat;
use crate::domain::storage::StorageKey;
use crate::ports::{Blobs, Identities, Jobs, Keys, PipelineInput, PortError, Queue};

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
    /// The job cannot be made from the direct upload that it names.
    #[error(transparent)]
    Upload(#[from] UploadFault),
    /// The mask is a direct upload that cannot be used.
    #[error("the mask: {0}")]
    Mask(#[source] UploadFault),
    /// `output_name` needs a member of the metadata that the request lacks.
    #[error("metadata has no {key:?}, which output_name needs")]
    MissingMetadata {
        /// The name of the member.
        key: String,
        /// Whether the template is that of the parameter set.
        is_of_set: bool,
    },
    /// The photograph is CMYK, and a picture of the request does not hold the inks that are to be kept.
    #[error("the inks cannot be kept: {refusal}")]
    InksNotHeld {
        /// Why.
        refusal: InksNotHeld,
        /// Whether the color space is a setting of the parameter set.
        is_of_set: bool,
    },
    /// The request has a webhook URL, and the owner has no secret to sign webhooks with.
    #[error("the owner has no webhook secret")]
    NoWebhookSecret,
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

impl From<MissingMember> for SubmitError {
    fn from(MissingMember { key, is_of_set }: MissingMember) -> Self {
        Self::MissingMetadata { key, is_of_set }
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

impl From<FindError> for SubmitError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Fault(fault) => Self::Upload(fault),
            FindError::Port(error) => Self::Unavailable(error),
        }
    }
}

/// The error about the mask.
fn mask_error(error: FindError) -> SubmitError {
    match error {
        FindError::Fault(fault) => SubmitError::Mask(fault),
        FindError::Port(error) => SubmitError::Unavailable(error),
    }
}

/// Why the inks of a CMYK photograph cannot be kept as a request asks.
fn inks_not_held(
    mode: Mode,
    format: Option<RequestedFormat>,
    rendering: &Rendering,
    set: Option<&ParamSet>,
) -> Option<InksNotHeld> {
    let (rendering, set) = (rendering.clone(), set.cloned());
    PipelineInput { format, rendering, set, ..PipelineInput::new(Bytes::new(), mode) }.inks_not_held()
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
    /// Direct uploads; `None` where none can be made.
    pub uploads: Option<UploadStores>,
    /// Where the job's message goes.
    pub queue: Arc<dyn Queue>,
    /// The cap on an owner's stored bytes, if there is one.
    pub storage_cap: Option<StorageCap>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// The files that a request names, with the content that is there now.
struct NamedFiles {
    /// The photograph, if it is a direct upload.
    upload: Option<FoundUpload>,
    mask: Option<IncomingMask>,
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
        let (upload, mask) = (self.find_upload(&submission).await?, self.find_mask(&submission).await?);
        let files = &NamedFiles { upload, mask };
        let Some(key) = submission.idempotency_key.as_ref().map(|key| key.identity(&submission.owner)) else {
            let PreparedJob { job, reservation } = self.prepare(submission, files).await?;
            let job = self.acceptor().accept(job, reservation).await?;
            self.close(files).await;
            return Ok(AcceptedJob { id: job.id, mode, is_replay: false });
        };
        let etag = files.upload.as_ref().map(FoundUpload::etag);
        let mask = files.mask.as_ref().map(|mask| &mask.content);
        let fingerprint = fingerprint::of(&submission, etag, mask);
        let (fingerprint, known) = join!(fingerprint, self.known(&key, &submission, files));
        let request = IdentifiedRequest { key, fingerprint: fingerprint?, mode };
        if let Some(known) = known? {
            return request.replay(known);
        }
        match self.submit_identified(submission, files, request).await {
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

    /// The job of an earlier request with this key, if this request would store something before its record: files, or
    /// a note that an upload was used. Other requests save the look-up: the record is refused if the key is known.
    async fn known(
        &self,
        key: &IdentityKey,
        submission: &Submission,
        files: &NamedFiles,
    ) -> Result<Option<IdentifiedJob>, PortError> {
        let stores_source = submission.source.bytes().is_some() || files.upload.is_some();
        let stores_mask = files.mask.as_ref().is_some_and(IncomingMask::stores_bytes);
        match stores_source || stores_mask {
            true => self.identities.find(key, self.env.clock.now()).await,
            false => Ok(None),
        }
    }

    async fn submit_identified(
        &self,
        submission: Submission,
        files: &NamedFiles,
        request: IdentifiedRequest,
    ) -> Result<AcceptedJob, SubmitError> {
        let PreparedJob { job, reservation } = self.prepare(submission, files).await?;
        let identity = Identity::new(request.key, Some(request.fingerprint), job.created_at);
        let identities = self.identities.as_ref();
        match self.acceptor().accept_identified(identities, &job, &identity, reservation).await? {
            IdentifiedOutcome::Accepted => {
                self.close(files).await;
                Ok(AcceptedJob { id: job.id, mode: request.mode, is_replay: false })
            }
            IdentifiedOutcome::Known(known) => request.replay(known),
        }
    }

    fn acceptor(&self) -> Acceptor<'_> {
        Acceptor { jobs: &self.jobs, queue: &self.queue, env: &self.env }
    }

    /// The direct upload that the request names, with the content that is there now.
    async fn find_upload(&self, submission: &Submission) -> Result<Option<FoundUpload>, SubmitError> {
        match (&submission.source, &self.uploads) {
            (SubmittedSource::Bytes(_) | SubmittedSource::Url(_), _) => Ok(None),
            (SubmittedSource::Upload(key), Some(uploads)) => {
                let found = uploads.find(&submission.owner, *key, self.env.clock.now()).await?;
                found.check_decodable(&self.env)?;
                Ok(Some(found))
            }
            (SubmittedSource::Upload(_), None) => Err(UploadFault::Unknown.into()),
        }
    }

    /// The mask that the request brings as a file.
    async fn find_mask(&self, submission: &Submission) -> Result<Option<IncomingMask>, SubmitError> {
        let Some(mask) = &submission.mask else { return Ok(None) };
        let found = IncomingMask::look(mask, &submission.owner, self.uploads.as_ref(), &self.env).await;
        found.map(Some).map_err(mask_error)
    }

    /// Counts uploads that became a job as open no longer. The job is accepted, so no fault is worth an error here: the
    /// uploads count until they expire.
    async fn close(&self, files: &NamedFiles) {
        if let Some(mask) = &files.mask {
            mask.close().await;
        }
        if let Some((uploads, found)) = self.uploads.as_ref().zip(files.upload.as_ref())
            && let Err(error) = uploads.records.close(&found.upload, found.etag()).await
        {
            tracing::warn!(file_key = %found.upload.key, %error, "upload of an accepted job still counts as open");
        }
    }

    /// Checks the request and stores its source and its mask.
    async fn prepare(&self, submission: Submission, files: &NamedFiles) -> Result<PreparedJob, SubmitError> {
        let upload = files.upload.as_ref();
        if let Some(found) = upload {
            found.check(self.env.clock.now())?;
        }
        let Submission { owner, settings, mode, delivery, format, rendering, set, source, lane, .. } = submission;
        let mut set = self.resolve_set(&owner, mode, set).await?;
        let start = source.content().or(upload.map(FoundUpload::start));
        let of_set = set.as_ref().map(|set| &set.set);
        let refusal =
            start.filter(|start| inks::has_inks(start)).and_then(|_| inks_not_held(mode, format, &rendering, of_set));
        if let Some(refusal) = refusal {
            return Err(SubmitError::InksNotHeld { refusal, is_of_set: rendering.color.is_none() });
        }
        let names = RequestedNames {
            external_id: submission.external_id,
            metadata: submission.metadata,
            output_name: submission.output_name,
            source_name: submission.source_name.or_else(|| source.name()),
        };
        let names = names.with_set(set.as_mut());
        names.check()?;
        // They were read before the body, which may take minutes: settings of then must neither charge nor refuse.
        let settings = match settings.filter(|settings| settings.credits.is_none()) {
            Some(settings) => settings,
            None => self.keys.owner(&owner).await?,
        };
        let credits = settings.credits;
        let webhook = match submission.webhook_url {
            Some(_) if settings.webhook_secret_at.is_none() => return Err(SubmitError::NoWebhookSecret),
            Some(url) => Some((url, false)),
            None => settings.default_webhook(),
        };
        // The debit decides. This check spares a source that no job would ever own.
        if credits == Some(0) {
            return Err(SubmitError::InsufficientCredits);
        }
        let source_bytes = source.bytes().or(upload.map(FoundUpload::size));
        let mask_bytes = files.mask.as_ref().and_then(IncomingMask::bytes);
        let uncounted_mask = files.mask.as_ref().and_then(IncomingMask::uncounted_bytes);
        let uncounted = match upload {
            Some(found) if found.is_counted() => None,
            Some(_) | None => Some(source_bytes.unwrap_or(0)),
        };
        let reservation = match uncounted.into_iter().chain(uncounted_mask).reduce(u64::saturating_add) {
            Some(bytes) => self.reserve(&owner, bytes).await?,
            None => None,
        };
        let (id, now) = (self.env.ids.job(), self.env.clock.now());
        let source = self.store_source(id, source, upload).await?;
        let mask = match &files.mask {
            Some(incoming) => {
                let mask = JobMask::new(incoming.content.clone(), now);
                incoming.store(&self.blobs, id, &mask, now).await.map_err(mask_error)?;
                Some(mask)
            }
            None => None,
        };
        let JobNames { external_id, metadata, output_name, source_name, warnings, .. } = names;
        let of_set = set.as_mut().and_then(JobParamSet::take_review);
        let review = submission.review.or(of_set).unwrap_or(settings.review);
        let of_set = set.as_mut().and_then(JobParamSet::take_previews);
        let previews = submission.previews.or(of_set).unwrap_or_default();
        let of_set = set.as_mut().and_then(JobParamSet::take_crop);
        let kept = set.as_mut().and_then(JobParamSet::take_keep_metadata);
        let (depth, color) = set.as_mut().map(JobParamSet::take_fidelity).unwrap_or_default();
        let rendering = Rendering {
            crop: rendering.crop.or(of_set),
            keep_metadata: rendering.keep_metadata.or(kept),
            depth: rendering.depth.or(depth),
            color: rendering.color.or(color),
            ..rendering
        };
        let of_set = set.as_mut().map(JobParamSet::take_subject);
        let subject = submission.subject.or(of_set.unwrap_or_default());
        let spec = JobSpec {
            mode,
            delivery,
            format,
            rendering,
            set,
            review,
            previews,
            source,
            subject,
            mask,
            external_id,
            metadata,
            output_name,
            source_name,
            warnings,
        };
        let job = Job::new(id, owner, spec, now, &self.env.policy).with_charge(credits.is_some()).in_lane(lane);
        let job = source_bytes.into_iter().fold(job, Job::with_source_bytes);
        let job = mask_bytes.into_iter().fold(job, Job::with_mask_bytes);
        let job = webhook.into_iter().fold(job, |job, (url, is_default)| job.with_webhook(url, is_default));
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

    /// Reserves room for the source and the mask. One that is fetched later has no bytes yet, and is refused if the owner has
    /// no room left.
    async fn reserve(&self, owner: &OwnerId, bytes: u64) -> Result<Option<Reservation>, SubmitError> {
        match &self.storage_cap {
            Some(cap) => Ok(Some(cap.reserve(owner, bytes).await?)),
            None => Ok(None),
        }
    }

    async fn store_source(
        &self,
        job: JobId,
        source: SubmittedSource,
        upload: Option<&FoundUpload>,
    ) -> Result<Source, SubmitError> {
        match source {
            SubmittedSource::Url(url) => Ok(Source::Url(url)),
            SubmittedSource::Bytes(bytes) => {
                self.blobs.put(&StorageKey::Source { job }, bytes).await?;
                Ok(Source::Stored)
            }
            // A worker copies it, if it is still the same then.
            SubmittedSource::Upload(key) => {
                let found = upload.ok_or(UploadFault::Unknown)?;
                if let Some(uploads) = &self.uploads
                    && !uploads.records.note_job(&found.upload, found.etag(), job).await?
                {
                    return Err(UploadFault::Spent.into());
                }
                Ok(Source::Upload { key, etag: found.etag().clone() })
            }
        }
    }
}
