//! Transitions of a job that is held for review.
//!
//! A held job holds no lease, and no worker knows of it. Every decision names the revision that its maker saw, so nobody
//! decides about pictures that were replaced meanwhile.

use std::time::Duration;

use jiff::Timestamp;

use super::model::Job;
use super::record::RecordVersion;
use super::recut_record::WaitingDraft;
use super::report::Report;
use super::retouch_record::RetouchEnd;
use super::state::JobState;
use super::transition::{Effect, InvalidTransition, Transition};
use crate::domain::audit::Actor;
use crate::domain::crop::Crop;
use crate::domain::decision::{Decision, DraftRevision, RejectReason, ReviewNote, Verdict};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::request::Mode;
use crate::domain::time::after;
use crate::domain::webhook::{WebhookEvent, WebhookEventKind};

/// How long before the end of the retention a job that nobody decided about fails. Its owner has this much time left to
/// read why.
const LAST_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A reviewer's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewDecision {
    /// The draft is right.
    Approve,
    /// It is not.
    Reject {
        /// Why.
        reason: RejectReason,
        /// In the reviewer's words.
        note: Option<ReviewNote>,
    },
}

/// Why a decision was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionRefused {
    /// The job is not held.
    #[error("the job is not held for review")]
    NotHeld,
    /// The job is being cut again.
    #[error("the job is being cut again")]
    Recutting,
    /// The draft is empty, and only a result can be approved.
    #[error("the draft is empty, so it cannot be approved")]
    Empty,
    /// The decision is about another result.
    #[error("the job has revision {current} now")]
    Stale {
        /// The result that waits for a decision.
        current: DraftRevision,
    },
}

impl Job {
    /// Holds the job for review with this result, the first one or that of a recut. It owes its receiver an event.
    pub(super) fn hold(mut self, outcome: Outcome, now: Timestamp, policy: &Policy) -> Transition {
        let (since, revision, deadline, kind) = match self.take_replaced_draft(now) {
            None => (now, DraftRevision::FIRST, Self::review_deadline(now, policy), WebhookEventKind::JobReview),
            // A recut gives nobody more time: the photograph is kept from when it was stored.
            Some((before, WaitingDraft { since, deadline, .. })) => {
                self.end_retouch(RetouchEnd::Held(before.next()));
                (since, before.next(), deadline, WebhookEventKind::JobRevised)
            }
        };
        self.reports.retain(|report| !report.is_about_draft());
        let event = WebhookEvent { kind, at: now };
        let report = self.webhook().map(|(_, delivery)| Report::about_draft(self.id, revision, delivery, event));
        self.reports.extend(report.clone());
        self.needs = self.needs.max(RecordVersion::of_outcome(&outcome));
        let state = JobState::Review { since, revision, outcome, deadline };
        Transition { job: self.enter(state), effects: report.into_iter().map(Effect::Owe).collect() }
    }

    /// When a job that is held since then fails.
    pub(super) fn review_deadline(since: Timestamp, policy: &Policy) -> Timestamp {
        after(since, policy.retention.saturating_sub(LAST_DAY).max(policy.retention / 2))
    }

    /// Decides about the job that is held with this revision. An approved one is done, a rejected one has failed. Neither
    /// gives its credit back, since its pictures were made, unless they are empty.
    ///
    /// # Errors
    /// [`DecisionRefused`]; also once the deadline has passed.
    pub fn decide(
        self,
        revision: DraftRevision,
        decision: ReviewDecision,
        by: Actor,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Transition, DecisionRefused> {
        let JobState::Review { since, revision: current, outcome, deadline } = &self.state else {
            return Err(if self.is_recutting() { DecisionRefused::Recutting } else { DecisionRefused::NotHeld });
        };
        // The sweep fails it soon, and its files may be gone.
        if *deadline <= now {
            return Err(DecisionRefused::NotHeld);
        }
        if *current != revision {
            return Err(DecisionRefused::Stale { current: *current });
        }
        if decision == ReviewDecision::Approve && outcome.is_empty() {
            return Err(DecisionRefused::Empty);
        }
        let since = *since;
        let (state, verdict, reason, note, discarded_bytes) = match decision {
            ReviewDecision::Approve => {
                let outcome = outcome.clone();
                (JobState::Done { at: now, outcome }, Verdict::Approved, None, None, 0)
            }
            ReviewDecision::Reject { reason, note } => {
                let failure = rejected(reason, note.as_ref());
                (JobState::Failed { at: now, failure }, Verdict::Rejected, Some(reason), note, outcome.bytes())
            }
        };
        let progress = if verdict == Verdict::Approved { 100 } else { self.progress };
        let decision = Some(Decision { verdict, revision, by, at: now, reason, note, discarded_bytes });
        Ok(Self { progress, decision, ..self }.end_review(state, since, now, policy))
    }

    /// Ends a job that is held since then. Its files were stored then, and object stores delete them by age; there is still
    /// time to read how it ended.
    fn end_review(self, state: JobState, since: Timestamp, now: Timestamp, policy: &Policy) -> Transition {
        let mut ended = self.end(state, now, policy);
        let readable_until = after(now, LAST_DAY.min(policy.retention / 2));
        ended.job.expires_at = Some(after(since, policy.retention).max(readable_until));
        ended
    }

    /// Whether this decision is the one that ended the job.
    pub fn has_decision(&self, revision: DraftRevision, decision: &ReviewDecision, by: &Actor) -> bool {
        let (verdict, reason, note) = match decision {
            ReviewDecision::Approve => (Verdict::Approved, None, None),
            ReviewDecision::Reject { reason, note } => (Verdict::Rejected, Some(*reason), note.as_ref()),
        };
        let is_same = |made: &Decision| {
            (made.verdict, made.revision, &made.by) == (verdict, revision, by)
                && (made.reason, made.note.as_ref()) == (reason, note)
        };
        self.decision.as_ref().is_some_and(is_same)
    }

    /// Fails a job that nobody decided about in time.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job is held and its deadline has passed.
    pub fn review_expired(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let (since, revision, discarded_bytes) = match &self.state {
            JobState::Review { since, revision, deadline, outcome } if *deadline <= now => {
                (*since, *revision, outcome.bytes())
            }
            _ => return Err(self.invalid("expire in review")),
        };
        let (verdict, by) = (Verdict::Expired, Actor::System);
        let decision = Decision { verdict, revision, by, at: now, reason: None, note: None, discarded_bytes };
        let failure = Failure {
            code: FailureCode::ReviewExpired,
            message: "nobody approved or rejected the pictures in time; send the photo again".to_owned(),
            retryable: true,
        };
        let state = JobState::Failed { at: now, failure };
        Ok(Self { decision: Some(decision), ..self }.end_review(state, since, now, policy))
    }

    /// Whether the job is held for review.
    pub fn is_held(&self) -> bool {
        matches!(self.state, JobState::Review { .. })
    }

    /// The result that the job's files are from: of a done job, of one that is held for review, or of the draft of one that
    /// is being cut again.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            JobState::Done { outcome, .. } | JobState::Review { outcome, .. } => Some(outcome),
            JobState::Queued { .. } | JobState::Running { .. } => {
                self.recut_in_progress().map(|(_, draft)| &draft.outcome)
            }
            JobState::Failed { .. } | JobState::Withdrawn { .. } => None,
        }
    }

    /// Width and height of the photograph in pixels, whichever way it is turned, if its result tells: of a whole picture on
    /// the photograph's own canvas. An empty draft that would have been cropped has a canvas of its own.
    pub fn photo_size(&self) -> Option<(u32, u32)> {
        let is_cropped = matches!(self.spec.rendering.crop, Some(Crop::Subject { .. }));
        let outcome = self.outcome().filter(|outcome| !is_cropped && outcome.crop_box.is_none())?;
        match self.spec.mode {
            Mode::Background | Mode::Clipping => {
                let picture = outcome.pictures.get(&outcome.final_picture)?;
                Some((picture.width, picture.height))
            }
            // A set has canvases of its own.
            Mode::Params => None,
        }
    }

    /// The number of its result, or of its draft: the first, until the job is cut again.
    pub fn revision(&self) -> DraftRevision {
        let known = match &self.state {
            JobState::Review { revision, .. } => Some(*revision),
            JobState::Queued { .. } | JobState::Running { .. } => self.recut_in_progress().map(|(recut, _)| recut.of),
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                self.decision.as_ref().map(|decision| decision.revision)
            }
        };
        known.unwrap_or(DraftRevision::FIRST)
    }
}

fn rejected(reason: RejectReason, note: Option<&ReviewNote>) -> Failure {
    let note = note.map(|note| format!(": {}", note.as_str())).unwrap_or_default();
    Failure {
        code: FailureCode::Rejected,
        message: format!("a reviewer rejected the pictures ({}){note}", reason.as_str()),
        retryable: false,
    }
}
