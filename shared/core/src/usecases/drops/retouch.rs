//! Taking a retouched file in: it cuts the job that its name names again, by itself as the mask.
//!
//! The file is looked at until the cut has ended. A held job has it in its record, and a new job that corrects a done
//! one has its identity, so it cuts once, however often it is announced. A manifest that says that it did outlives
//! both.

use bytes::Bytes;

use super::ingest::{DropIngest, IngestOutcome};
use super::manifest::{self, ManifestHead, Refusal};
use super::publish::ROUNDS;
use super::take::Rejection;
use crate::domain::audit::Actor;
use crate::domain::decision::DraftRevision;
use crate::domain::drops::{DropOrigin, DroppedObject};
use crate::domain::failure::{DropRefusalCode, FailureCode};
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobState, RecutRefused, RetouchEnd};
use crate::domain::kind::ImageKind;
use crate::domain::limits::MAX_RETOUCHED_BYTES;
use crate::ports::PortError;
use crate::usecases::found_upload::UploadFault;
use crate::usecases::masks::{DroppedMask, IncomingMask};
use crate::usecases::recut::{Recut, RecutError};
use crate::usecases::rerun::RerunError;
use crate::usecases::retry::Retry;
use crate::usecases::storage_cap::ReserveError;

/// How far a retouched file is.
enum Progress {
    /// Its job is not held yet, or the cut runs.
    Waiting,
    /// The cut has ended.
    Ended(Box<Job>, RetouchEnd),
    /// The job that it made no longer exists.
    Forgotten,
}

impl DropIngest {
    /// Takes in a retouched file whose name names this job.
    pub(super) async fn take_retouched(
        &self,
        object: &DroppedObject,
        named: Option<JobId>,
    ) -> Result<IngestOutcome, PortError> {
        let origin = &object.origin;
        if self.is_done(origin).await? {
            return Ok(IngestOutcome::Known);
        }
        match self.correct(object, named).await {
            Ok(Progress::Waiting) => Ok(IngestOutcome::Waiting),
            Ok(Progress::Ended(job, end)) => self.report_retouch(origin, &job, &end).await,
            Ok(Progress::Forgotten) => Ok(IngestOutcome::Known),
            Err(Rejection::Refused(refusal)) => {
                tracing::info!(code = refusal.code.as_str(), "retouched file refused");
                self.put_report(origin, manifest::refused(origin, &refusal, self.env.clock.now())?).await?;
                Ok(IngestOutcome::Refused)
            }
            Err(Rejection::Gone) => {
                tracing::info!("retouched file no longer exists");
                Ok(IngestOutcome::Gone)
            }
            Err(Rejection::Port(error)) => Err(error),
        }
    }

    /// Whether the stored manifest says that this very file cut its job.
    async fn is_done(&self, origin: &DropOrigin) -> Result<bool, PortError> {
        let stored = self.files.manifest(&origin.path).await?;
        Ok(stored.is_some_and(|stored| manifest::says_done(&stored.bytes, origin)))
    }

    /// Has the job cut again, unless the file has done so already.
    async fn correct(&self, object: &DroppedObject, named: Option<JobId>) -> Result<Progress, Rejection> {
        let origin = &object.origin;
        let owner = self.owner(&origin.path).await?;
        let id = named.ok_or_else(no_job_named)?;
        let (identity, now) = (origin.identity(), self.env.clock.now());
        if let Some(known) = self.identities.find(&identity, now).await? {
            let job = self.jobs.get(known.job).await?.filter(|job| job.is_visible_to(&owner, now));
            return Ok(job.map_or(Progress::Forgotten, progress_of_new));
        }
        let job = self.jobs.get(id).await?.filter(|job| job.is_visible_to(&owner, now));
        let job = job.ok_or_else(|| unknown_job(id))?;
        if let Some(end) = job.retouch(&identity.digest).map(|retouch| retouch.end.clone()) {
            return Ok(end.map_or(Progress::Waiting, |end| Progress::Ended(Box::new(job), end)));
        }
        let mask = self.look_at_mask(object).await?;
        let revision = match &job.state {
            JobState::Review { revision, .. } => Some(*revision),
            JobState::Done { .. } => None,
            JobState::Queued { .. } | JobState::Running { .. } => return Ok(Progress::Waiting),
            JobState::Failed { .. } => return Err(failed_job(id).into()),
            JobState::Withdrawn { .. } => return Err(unknown_job(id).into()),
        };
        match self.recut().run_by_drop(&owner, id, revision, mask, identity).await {
            Ok(_) => Ok(Progress::Waiting),
            Err(error) => rejected(error, id),
        }
    }

    /// Checks that the file can be a mask. Whether it has the photograph's size is known once it is decoded.
    async fn look_at_mask(&self, object: &DroppedObject) -> Result<IncomingMask, Rejection> {
        let (bytes, kind) = self.look(object, MAX_RETOUCHED_BYTES).await?;
        if kind == ImageKind::Svg {
            let message = "a drawing is no mask; use a PSD, a PNG, or another picture of pixels";
            return Err(Refusal::new(DropRefusalCode::UnsupportedSource, message).into());
        }
        let mask = DroppedMask { object: object.clone(), bytes, files: self.files.clone() };
        Ok(IncomingMask::dropped(mask))
    }

    fn recut(&self) -> Recut {
        let Self { identities, jobs, blobs, queue, keys, audit, storage_cap, env, .. } = self.clone();
        let actor = Actor::System;
        let retry = Retry {
            jobs: jobs.clone(),
            identities,
            keys,
            blobs,
            queue: queue.clone(),
            audit,
            actor: actor.clone(),
            storage_cap,
            env: env.clone(),
        };
        Recut { jobs, queue, retry, uploads: None, actor, env }
    }

    async fn report_retouch(
        &self,
        origin: &DropOrigin,
        job: &Job,
        end: &RetouchEnd,
    ) -> Result<IngestOutcome, PortError> {
        let now = self.env.clock.now();
        let (manifest, outcome) = match end {
            RetouchEnd::Held(revision) => (manifest::recut(origin, job, *revision, now)?, IngestOutcome::Recut(job.id)),
            RetouchEnd::Failed(failure) => (manifest::failed(origin, job, failure, now)?, IngestOutcome::Refused),
        };
        self.put_report(origin, manifest).await?;
        Ok(outcome)
    }

    /// Writes the manifest of a retouched file, unless the stored one is that of a newer file.
    async fn put_report(&self, origin: &DropOrigin, manifest: Bytes) -> Result<(), PortError> {
        for _ in 0..ROUNDS {
            let stored = self.files.manifest(&origin.path).await?;
            let head = stored.as_ref().and_then(|stored| ManifestHead::read(&stored.bytes));
            if head.is_some_and(|head| head.sequencer.is_newer_than(&origin.sequencer)) {
                return Ok(());
            }
            let before = stored.as_ref().map(|stored| &stored.tag);
            if self.files.put_manifest(&origin.path, manifest.clone(), before).await? {
                return Ok(());
            }
        }
        Err(PortError::retry("the manifest keeps changing"))
    }
}

/// How far a retouched file is that became this new job.
fn progress_of_new(job: Job) -> Progress {
    let end = match &job.state {
        JobState::Queued { .. } | JobState::Running { .. } if !job.is_recutting() => return Progress::Waiting,
        JobState::Failed { failure, .. } => match failure.code {
            // It was held before.
            FailureCode::Rejected | FailureCode::ReviewExpired => RetouchEnd::Held(DraftRevision::FIRST),
            _ => RetouchEnd::Failed(failure.clone()),
        },
        JobState::Queued { .. }
        | JobState::Running { .. }
        | JobState::Review { .. }
        | JobState::Done { .. }
        | JobState::Withdrawn { .. } => RetouchEnd::Held(DraftRevision::FIRST),
    };
    Progress::Ended(Box::new(job), end)
}

/// What an error of the recut means for the file.
fn rejected(error: RecutError, id: JobId) -> Result<Progress, Rejection> {
    match error {
        // The job has changed since it was read.
        RecutError::RevisionMissing
        | RecutError::Refused(RecutRefused::NotHeld | RecutRefused::InProgress | RecutRefused::Stale { .. })
        | RecutError::Rerun(RerunError::Pending) => Ok(Progress::Waiting),
        RecutError::Refused(refused @ RecutRefused::TooMany) => {
            let message = format!("{refused}: {id}; approve or reject it");
            Err(Refusal::new(DropRefusalCode::TooManyRevisions, message).into())
        }
        RecutError::Failed => Err(failed_job(id).into()),
        RecutError::Rerun(RerunError::NotFound) => Err(unknown_job(id).into()),
        RecutError::Rerun(RerunError::SourceExpired) => {
            let message = format!("the photo of job {id} is no longer stored; upload it again");
            Err(Refusal::new(DropRefusalCode::SourceExpired, message).into())
        }
        RecutError::Rerun(RerunError::StorageFull(full)) => Err(ReserveError::Full(full).into()),
        RecutError::Rerun(RerunError::Mask(UploadFault::Missing)) => Err(Rejection::Gone),
        RecutError::Rerun(RerunError::Unavailable(error)) => Err(error.into()),
        error @ (RecutError::MaskMissing
        | RecutError::MaskMismatch(_)
        | RecutError::Rerun(RerunError::Mask(_) | RerunError::KeyReused)) => Err(PortError::fail(error).into()),
    }
}

fn no_job_named() -> Refusal {
    let message =
        "no job in the file's name: put the job's id into it, as in cup-019cdc54-2673-dc32-b9e5-6e1d36cc9e8a.psd";
    Refusal::new(DropRefusalCode::UnknownJob, message)
}

fn unknown_job(id: JobId) -> Refusal {
    let message = format!("unknown job {id}: the owner has no such job; it may be another owner's, deleted or expired");
    Refusal::new(DropRefusalCode::UnknownJob, message)
}

fn failed_job(id: JobId) -> Refusal {
    let message = format!("job {id} has failed, so it has no cut to correct; upload the photo again");
    Refusal::new(DropRefusalCode::JobFailed, message)
}
