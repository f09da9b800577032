//! Transitions between stages.

use jiff::Timestamp;

use super::attempt::Held;
use super::model::{Job, queued};
use super::record::RecordVersion;
use super::stage::JobStage;
use super::state::JobState;
use super::step::Step;
use super::transition::{InvalidTransition, Transition};
use crate::domain::ids::LeaseToken;
use crate::domain::policy::Policy;

impl Job {
    /// Notes that everything the job needs is stored: it waits for its pictures to be made. Its attempts count from zero
    /// again.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job is at intake under `token`.
    pub fn fetched(self, token: LeaseToken, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let Held { stage: JobStage::Intake, .. } = self.held_under(token, "be fetched")? else {
            return Err(self.invalid("be fetched"));
        };
        let (attempts, intake_attempts) = (0, self.attempts);
        let progress = self.progress.max(Step::Background.progress());
        let next = self.enter(queued(JobStage::Make, now, now, policy));
        Ok(Transition::without_effects(Job { attempts, intake_attempts, progress, ..next }))
    }

    /// Sends the job back to intake, because what it needs is not stored. Records of releases without intake say so, and
    /// files may be lost. Attempts at intake count on, so this ends.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job's pictures are made under `token` for the first time, it has something to fetch, and
    /// attempts at intake are left.
    pub fn fetch_again(
        self,
        token: LeaseToken,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Transition, InvalidTransition> {
        let Held { stage, .. } = self.held_under(token, "be fetched again")?;
        let has_attempts = self.intake_attempts < policy.max_attempts;
        // A draft was made from what was stored. Another photograph would not be a correction of it.
        if stage != JobStage::Make || !self.spec.needs_intake() || !has_attempts || self.is_recutting() {
            return Err(self.invalid("be fetched again"));
        }
        let attempts = self.intake_attempts;
        let next = self.enter(queued(JobStage::Intake, now, now, policy));
        Ok(Transition::without_effects(Job { attempts, intake_attempts: 0, ..next }))
    }

    /// Whether the job has left intake, so everything it needs was stored.
    pub fn is_fetched(&self) -> bool {
        self.intake_attempts > 0 && self.stage() != Some(JobStage::Intake)
    }

    /// The step that a pending job is at, or waits for if it is known; `None` for one that waits for its first step, and
    /// for one that has ended.
    pub fn step(&self) -> Option<Step> {
        match self.state {
            JobState::Running { step, .. } => Some(step),
            JobState::Queued { .. } if self.is_fetched() => Some(Step::Background),
            JobState::Queued { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => None,
        }
    }

    /// Whether a worker may still write files of a job that no worker holds: one that lost the job, and does not know.
    /// The worker that ended an ended job does not.
    pub(super) fn may_have_late_worker(&self) -> bool {
        // A recut counts attempts from zero, so those before it are forgotten. After one that failed, only `needs` hints at
        // it, and something newer may need the same. A job that is never held has had none.
        if self.recut.is_some() || (self.needs >= RecordVersion::RECUT && !self.spec.review.is_off()) {
            return true;
        }
        match self.state {
            JobState::Review { .. } | JobState::Done { .. } => self.attempts > 1 || self.intake_attempts > 1,
            JobState::Queued { .. } | JobState::Failed { .. } => self.attempts > 0 || self.intake_attempts > 0,
            JobState::Running { .. } | JobState::Withdrawn { .. } => true,
        }
    }
}
