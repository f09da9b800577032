//! Transitions of a recut: a held job is cut again with other settings, and is held again with its next revision.
//!
//! Meanwhile the draft stays what it was: it can be seen, and returns if the recut fails. Nobody can decide about it until
//! then. Its files are replaced when the new ones are finished, and deleted once no link to them works any more.

use std::time::Duration;

use jiff::Timestamp;

use super::model::{Job, queued};
use super::record::RecordVersion;
use super::recut_record::{Recut, ReplacedFiles, WaitingDraft};
use super::retouch_record::RetouchEnd;
use super::spec::JobSpec;
use super::stage::JobStage;
use super::state::JobState;
use super::transition::{InvalidTransition, Transition};
use crate::domain::asset::AssetKind;
use crate::domain::audit::Actor;
use crate::domain::decision::DraftRevision;
use crate::domain::failure::Failure;
use crate::domain::ids::LeaseToken;
use crate::domain::lane::Lane;
use crate::domain::mask::JobMask;
use crate::domain::outcome::RECUT;
use crate::domain::policy::Policy;
use crate::domain::storage::StorageKey;
use crate::domain::subject::SubjectChanges;
use crate::domain::time::after;

/// How long the files of a replaced draft are kept: no link works for longer.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// When a failed deletion of replaced files is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10 * 60);

/// Why a job is not cut again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecutRefused {
    /// The job is not held.
    #[error("the job is not held for review")]
    NotHeld,
    /// The job is being cut again.
    #[error("the job is being cut again")]
    InProgress,
    /// The request is about another result.
    #[error("the job has revision {current} now")]
    Stale {
        /// The result that is held.
        current: DraftRevision,
    },
    /// The job was cut as often as it can be. Cuts that failed count, since each may have stored a mask.
    #[error("the job was cut {} times", DraftRevision::LAST)]
    TooMany,
}

impl Job {
    /// Cuts the job again that is held with this revision, with changed settings. It waits in the live lane, at intake if a
    /// mask has to be fetched, and its attempts count from zero. A mask that comes as a file is stored before, unless it is
    /// fetched, under the [id](JobMask::new) that it has `now`.
    ///
    /// # Errors
    /// [`RecutRefused`]; also once the deadline has passed.
    pub fn recut(
        self,
        revision: DraftRevision,
        changes: SubjectChanges,
        by: Actor,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Transition, RecutRefused> {
        let JobState::Review { since, revision: current, outcome, deadline } = &self.state else {
            return Err(if self.is_recutting() { RecutRefused::InProgress } else { RecutRefused::NotHeld });
        };
        if *deadline <= now {
            return Err(RecutRefused::NotHeld);
        }
        if *current != revision {
            return Err(RecutRefused::Stale { current: *current });
        }
        // The first cut is no recut. Records of releases that did not count recuts have their revisions.
        if revision >= DraftRevision::LAST || self.recuts + 1 >= DraftRevision::LAST.get() {
            return Err(RecutRefused::TooMany);
        }
        let draft = WaitingDraft {
            since: *since,
            outcome: outcome.clone(),
            deadline: *deadline,
            subject: self.spec.subject.clone(),
            mask: self.spec.mask.clone(),
            inset: changes.path_inset.map(|_| self.spec.rendering.path.inset),
        };
        let brought = changes.mask.clone().map(|content| JobMask::new(content, now));
        // Everything else that the job needs was stored for its draft.
        let stage =
            if brought.as_ref().is_some_and(|mask| mask.url().is_some()) { JobStage::Intake } else { JobStage::Make };
        let mask_uploads = self.mask_uploads_with(brought.as_ref());
        let retouches = self.retouches_with(&changes);
        let subject = changes.applied_to(&self.spec.subject);
        let rendering = changes.applied_to_rendering(&self.spec.rendering);
        let mask = brought.or_else(|| self.spec.mask.clone());
        let spec = JobSpec { subject, mask, rendering, ..self.spec.clone() };
        let of_request = RecordVersion::of_subject(&spec.subject).max(RecordVersion::of_changes(&changes));
        let recut = Recut { of: revision, by, at: now, changes, replaces: Some(draft) };
        let job = Self {
            spec,
            lane: Lane::Live,
            attempts: 0,
            recut: Some(Box::new(recut)),
            recuts: self.recuts + 1,
            retouches,
            mask_uploads,
            needs: self.needs.max(RecordVersion::RECUT).max(of_request),
            ..self.enter(queued(stage, now, now, policy))
        };
        Ok(Transition::without_effects(job))
    }

    /// The recut in progress, and the draft that it replaces.
    pub fn recut_in_progress(&self) -> Option<(&Recut, &WaitingDraft)> {
        let recut = self.recut.as_deref()?;
        Some((recut, recut.replaces.as_ref()?))
    }

    /// Whether the job is being cut again.
    pub fn is_recutting(&self) -> bool {
        self.recut_in_progress().is_some()
    }

    /// Whether this request is the one that cuts the job again, or did so last.
    pub fn has_recut(&self, revision: DraftRevision, changes: &SubjectChanges, by: &Actor) -> bool {
        self.recut.as_ref().is_some_and(|recut| recut.of == revision && recut.changes == *changes && recut.by == *by)
    }

    /// Where the evidence is from which the job is cut again without the networks, if it is.
    pub fn evidence(&self) -> Option<StorageKey> {
        match self.recut_in_progress() {
            Some((_, draft)) => draft.outcome.assets.get(&AssetKind::Evidence).map(|asset| asset.key),
            None => self.recut_of.map(|_| StorageKey::Evidence { job: self.id }),
        }
    }

    /// Whether its evidence is kept, since a reviewer may have it cut again.
    pub fn keeps_evidence(&self) -> bool {
        self.is_recutting() || !self.spec.review.is_off()
    }

    /// When the time of a pending job is over.
    pub fn pending_until(&self, policy: &Policy) -> Timestamp {
        match self.recut_in_progress() {
            Some((recut, draft)) => after(recut.at, policy.max_pending).min(draft.deadline),
            None => after(self.created_at, policy.max_pending),
        }
    }

    /// Ends an attempt for good: the job fails or, if it was being cut again, is held with the draft that it had.
    pub(super) fn fail(mut self, failure: Failure, now: Timestamp, policy: &Policy) -> Transition {
        let Some((revision, draft)) = self.take_waiting_draft() else {
            let needs = self.needs.max(RecordVersion::of_failure(failure.code));
            return Self { needs, ..self }.end(JobState::Failed { at: now, failure }, now, policy);
        };
        // Whoever requests the same again wants another try.
        self.recut = None;
        let WaitingDraft { since, mut outcome, deadline, subject, mask, inset } = draft;
        let warning =
            format!("The recut failed, and revision {revision} stays: {}.", failure.message.trim_end_matches('.'));
        outcome.warnings.insert(RECUT.to_owned(), vec![warning]);
        self.end_retouch(RetouchEnd::Failed(failure));
        let state = JobState::Review { since, revision, outcome, deadline };
        let mut spec = JobSpec { subject, mask, ..self.spec.clone() };
        spec.rendering.path.inset = inset.unwrap_or(spec.rendering.path.inset);
        Transition::without_effects(Self { spec, ..self.with_wait_until(now).enter(state) })
    }

    /// Ends a recut with its result. Returns the draft that this replaces, if the job was being cut again.
    pub(super) fn take_replaced_draft(&mut self, now: Timestamp) -> Option<(DraftRevision, WaitingDraft)> {
        let (revision, draft) = self.take_waiting_draft()?;
        let bytes = draft.outcome.bytes();
        let files = draft.outcome.lease().map(|lease| ReplacedFiles { lease, bytes, delete_at: after(now, KEPT) });
        self.replaced.extend(files);
        Some((revision, draft))
    }

    /// Ends a recut. Returns the draft that waits meanwhile, and its revision.
    fn take_waiting_draft(&mut self) -> Option<(DraftRevision, WaitingDraft)> {
        let recut = self.recut.as_mut()?;
        Some((recut.of, recut.replaces.take()?))
    }

    /// The files of replaced drafts that are to be deleted at `now`.
    pub fn replaced_files_due(&self, now: Timestamp) -> impl Iterator<Item = &ReplacedFiles> {
        let has_worker = self.stage().is_some();
        self.replaced.iter().filter(move |files| files.delete_at <= now && !has_worker)
    }

    /// Notes that the files of the replaced drafts under these leases were deleted.
    ///
    /// # Errors
    /// [`InvalidTransition`] if none of them is to be deleted.
    pub fn replaced_files_deleted(mut self, leases: &[LeaseToken]) -> Result<Transition, InvalidTransition> {
        let before = self.replaced.len();
        self.replaced.retain(|files| !leases.contains(&files.lease));
        if self.replaced.len() == before {
            return Err(self.invalid("have replaced files deleted"));
        }
        Ok(Transition::without_effects(Self { version: self.version + 1, ..self }))
    }

    /// Tries the deletion of replaced files again later, because it failed.
    ///
    /// # Errors
    /// [`InvalidTransition`] if none are due.
    pub fn delete_replaced_files_later(mut self, now: Timestamp) -> Result<Transition, InvalidTransition> {
        if self.replaced_files_due(now).next().is_none() {
            return Err(self.invalid("have replaced files deleted"));
        }
        for files in self.replaced.iter_mut().filter(|files| files.delete_at <= now) {
            files.delete_at = after(now, RETRY_AFTER);
        }
        Ok(Transition::without_effects(Self { version: self.version + 1, ..self }))
    }
}
