//! Deleting a job for its owner. The record stays as a tombstone until it expires, so that a worker's next write conflicts
//! and the sweep knows which files to delete.
//!
//! A tombstone is a withdrawn job with a [`Deletion`] and without anything of the caller's. Releases that do not know
//! `deletion` see a withdrawn job, which has ended and answers 404.

use std::time::Duration;

use jiff::Timestamp;

use super::deletion::{DeletedUpload, Deletion};
use super::model::Job;
use super::record::UnknownAttributes;
use super::spec::{JobSpec, Source};
use super::state::JobState;
use super::transition::{Effect, InvalidTransition, Transition};
use crate::domain::mask::{JobMask, MaskContent};
use crate::domain::policy::Policy;
use crate::domain::rendering::Rendering;
use crate::domain::subject::SubjectSettings;
use crate::domain::time::after;
use crate::domain::usage::JobEnd;

/// When a failed deletion of files is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10 * 60);

impl Job {
    /// The direct uploads that it was made from: the photograph and all masks.
    fn direct_uploads(&self) -> Vec<DeletedUpload> {
        let mut uploads = self.mask_uploads_with(None);
        if let Source::Upload { key, etag } = &self.spec.source {
            let photograph = DeletedUpload { key: *key, etag: etag.clone() };
            if !uploads.contains(&photograph) {
                uploads.push(photograph);
            }
        }
        uploads
    }

    /// The direct uploads of the masks that it had and has, and of the one that a recut brings.
    pub(super) fn mask_uploads_with(&self, brought: Option<&JobMask>) -> Vec<DeletedUpload> {
        let mut uploads = self.mask_uploads.clone();
        for mask in self.spec.mask.iter().chain(brought) {
            if let MaskContent::Upload { key, etag } = &mask.content {
                let upload = DeletedUpload { key: *key, etag: etag.clone() };
                if !uploads.contains(&upload) {
                    uploads.push(upload);
                }
            }
        }
        uploads
    }

    /// Deletes the job. A job that has not ended gets its credit back, unless it is held for review with pictures: they were made.
    /// No report is delivered any more.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the job was withdrawn or deleted before.
    pub fn delete(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        // A worker notices that it has lost the job within an attempt's time after its lease.
        let last_lease = match &self.state {
            JobState::Withdrawn { .. } => return Err(self.invalid("be deleted")),
            JobState::Running { lease, .. } => Some(lease.until.max(now)),
            JobState::Queued { .. } | JobState::Review { .. } | JobState::Done { .. } | JobState::Failed { .. } => {
                self.may_have_late_worker().then_some(now)
            }
        };
        let writes_until = last_lease.map_or(now, |until| after(until, policy.max_attempt));
        let bytes = self.stored_bytes();
        let uploads = self.direct_uploads();
        let is_pending = !self.has_ended();
        // The pictures of a held job were made, unless they are empty.
        let has_pictures = self.outcome().is_some_and(|outcome| !outcome.is_empty());
        let refund = (is_pending && !has_pictures && self.charged).then_some(Effect::Refund);
        let count = is_pending.then_some(Effect::Count(JobEnd::Cancelled));
        let job = Self {
            spec: JobSpec {
                rendering: Rendering::default(),
                set: None,
                source: Source::Stored,
                subject: SubjectSettings::default(),
                mask: None,
                external_id: None,
                metadata: None,
                review: Default::default(),
                previews: false,
                output_name: None,
                source_name: None,
                warnings: Default::default(),
                ..self.spec.clone()
            },
            source_bytes: None,
            mask_bytes: 0,
            expires_at: Some(after(now, policy.retention).max(writes_until)),
            decision: None,
            recut: None,
            mask_uploads: Vec::new(),
            replaced: Vec::new(),
            drop: None,
            reports: Vec::new(),
            deletion: Some(Deletion { next_at: Some(now), writes_until, bytes, uploads }),
            unknown: UnknownAttributes::default(),
            ..self.with_wait_until(now).enter(JobState::Withdrawn { at: now })
        };
        Ok(Transition { job, effects: refund.into_iter().chain(count).collect() })
    }

    /// Tries the deletion of the files again later, because it failed. Others have their turn meanwhile.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless files remain to be deleted.
    pub fn delete_files_later(self, now: Timestamp) -> Result<Transition, InvalidTransition> {
        match self.deletion.clone() {
            Some(deletion @ Deletion { next_at: Some(_), .. }) => {
                let deletion = Some(Deletion { next_at: Some(after(now, RETRY_AFTER)), ..deletion });
                Ok(Transition::without_effects(Self { version: self.version + 1, deletion, ..self }))
            }
            Some(Deletion { next_at: None, .. }) | None => Err(self.invalid("have its files deleted")),
        }
    }

    /// Notes that all files of a deleted job were deleted at `now`. They are deleted again once no worker can write any
    /// more, if one can; and later, if direct uploads are `left` because other jobs need them.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless files remain to be deleted.
    pub fn files_deleted(self, left: Vec<DeletedUpload>, now: Timestamp) -> Result<Transition, InvalidTransition> {
        match self.deletion {
            Some(Deletion { next_at: Some(_), writes_until, .. }) => {
                let for_uploads = (!left.is_empty()).then(|| after(now, RETRY_AFTER));
                let next_at = (now < writes_until).then_some(writes_until).into_iter().chain(for_uploads).min();
                let deletion = Some(Deletion { next_at, writes_until, bytes: 0, uploads: left });
                Ok(Transition::without_effects(Self { version: self.version + 1, deletion, ..self }))
            }
            Some(Deletion { next_at: None, .. }) | None => Err(self.invalid("have its files deleted")),
        }
    }
}
