//! Delivering a drop's results and its manifest.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::ingest::DropIngest;
use super::manifest::{self, ManifestHead, PublishedFile, Refusal};
use crate::domain::drops::DropOrigin;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::job::{FileNames, Job, JobState, ReportKind};
use crate::domain::outcome::Outcome;
use crate::domain::variation::Variation;
use crate::ports::{PortError, StoredManifest, WriteError};
use crate::usecases::{digest, persist};

/// How many rounds a manifest gets. Each lost round means that another drop wrote the manifest, so a few are plenty.
pub(super) const ROUNDS: usize = 8;

/// The end of a drop, as its manifest reports it.
#[derive(Clone, Copy)]
pub(super) enum Ending<'a> {
    Refused(&'a Refusal),
    Ended(&'a Job),
}

impl<'a> Ending<'a> {
    /// The job that has ended.
    fn job(&self) -> Option<&'a Job> {
        match self {
            Self::Refused(_) => None,
            Self::Ended(job) => Some(job),
        }
    }
}

impl DropIngest {
    /// Delivers the manifest that an ended job owes, for a sender of reports, and notes the delivery in the job's record. Does nothing if the
    /// job owes no manifest.
    ///
    /// # Errors
    /// [`PortError`] if the delivery has to be tried again.
    pub async fn report(&self, job: &Job) -> Result<(), PortError> {
        let Some(origin) = job.owed_manifest() else { return Ok(()) };
        let Some(report) = job.owed_reports().find(|report| report.kind == ReportKind::Manifest) else { return Ok(()) };
        self.publish(origin, Ending::Ended(job)).await?;
        let mut current = job.clone();
        loop {
            let Ok(delivered) = current.report_delivered(&report.id) else { return Ok(()) };
            match persist::replace(self.jobs.as_ref(), &delivered).await {
                Ok(()) => return Ok(()),
                // The sweep rescheduled the report in the meantime.
                Err(WriteError::Conflict) => match self.jobs.get(job.id).await? {
                    Some(job) => current = job,
                    None => return Ok(()),
                },
                Err(WriteError::Port(error)) => return Err(error),
            }
        }
    }

    /// Writes the drop's manifest, unless the stored one belongs to a newer drop, or to a retry of the same one.
    pub(super) async fn publish(&self, origin: &DropOrigin, ending: Ending<'_>) -> Result<(), PortError> {
        let path = &origin.path;
        for _ in 0..ROUNDS {
            let stored = self.files.manifest(path).await?;
            let tag = stored.as_ref().map(|stored| &stored.tag);
            match stored.as_ref().and_then(|StoredManifest { bytes, .. }| ManifestHead::read(bytes)) {
                Some(newer) if newer.supersedes(origin, ending.job()) => {
                    // An earlier round may have overwritten the newer drop's pictures.
                    self.restore(origin, newer).await?;
                    if self.files.manifest(path).await?.as_ref().map(|stored| &stored.tag) == tag {
                        return Ok(());
                    }
                }
                Some(_) | None => {
                    let Some(manifest) = self.write_results(origin, ending).await? else { return Ok(()) };
                    if self.files.put_manifest(path, manifest, tag).await? {
                        return Ok(());
                    }
                }
            }
        }
        Err(PortError::retry("the manifest keeps changing"))
    }

    /// Writes again the pictures of the drop that the path's manifest belongs to.
    async fn restore(&self, origin: &DropOrigin, newer: ManifestHead) -> Result<(), PortError> {
        let Some(id) = newer.job_id else { return Ok(()) };
        let Some(job) = self.jobs.get(id).await? else { return Ok(()) };
        if let JobState::Done { outcome, .. } = &job.state {
            self.copy_pictures(origin, &job, outcome).await?;
        }
        Ok(())
    }

    /// Writes the pictures, if there are any, and returns the manifest; `None` if the job was deleted meanwhile, or if it
    /// was to correct another one and failed.
    async fn write_results(&self, origin: &DropOrigin, ending: Ending<'_>) -> Result<Option<Bytes>, PortError> {
        let job = match ending {
            Ending::Refused(refusal) => return manifest::refused(origin, refusal, self.env.clock.now()).map(Some),
            Ending::Ended(job) => job,
        };
        match &job.state {
            JobState::Done { at, outcome } => match self.copy_pictures(origin, job, outcome).await? {
                Some(files) => manifest::done(origin, job, outcome, &files, *at).map(Some),
                None if self.jobs.get(job.id).await?.is_none_or(|job| job.deletion.is_some()) => Ok(None),
                None => manifest::failed(origin, job, &pictures_expired(), *at).map(Some),
            },
            // A correction that came to nothing leaves the results that it was to replace.
            JobState::Failed { .. } if job.recut_of.is_some() => Ok(None),
            JobState::Failed { at, failure } => manifest::failed(origin, job, failure, *at).map(Some),
            JobState::Queued { .. }
            | JobState::Running { .. }
            | JobState::Review { .. }
            | JobState::Withdrawn { .. } => Err(PortError::fail("a job without a result has no manifest")),
        }
    }

    /// Copies a job's pictures to the drop's results; `None` if one is no longer stored.
    async fn copy_pictures(
        &self,
        origin: &DropOrigin,
        job: &Job,
        outcome: &Outcome,
    ) -> Result<Option<BTreeMap<Variation, PublishedFile>>, PortError> {
        let FileNames { pictures: names, .. } = job.file_names(origin.path.max_result_name());
        let mut published = BTreeMap::new();
        // One after another, since each may have tens of megabytes.
        for (variation, picture) in &outcome.pictures {
            let Some(bytes) = self.blobs.get(&picture.key).await? else { return Ok(None) };
            let own_name = names.get(variation).map(ToString::to_string);
            let file = own_name.unwrap_or_else(|| picture.key.file_name());
            let content_type = picture.key.content_type();
            self.files.put_result(&origin.path, &file, content_type, bytes.clone()).await?;
            let (width, height, size) = (picture.width, picture.height, bytes.len() as u64);
            let sha256 = digest::of_file(bytes).await?;
            published.insert(*variation, PublishedFile { file, content_type, width, height, bytes: size, sha256 });
        }
        Ok(Some(published))
    }
}

fn pictures_expired() -> Failure {
    Failure {
        code: FailureCode::StorageUnavailable,
        message: "the pictures are no longer stored; drop the file again".to_owned(),
        retryable: true,
    }
}
