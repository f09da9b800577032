//! Transitions of an attempt: from a worker's claim to its end.

use jiff::Timestamp;

use super::model::{Job, queued};
use super::record::RecordVersion;
use super::stage::JobStage;
use super::state::{JobState, Lease};
use super::step::Step;
use super::transition::{InvalidTransition, Transition};
use crate::domain::failure::Fault;
use crate::domain::ids::LeaseToken;
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::time::after;

/// Why a job cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefused {
    /// It has ended, or is held for review.
    #[error("the job has ended, or is held for review")]
    Ended,
    /// Another worker holds the lease.
    #[error("another worker holds the lease until {until}")]
    Leased {
        /// When that lease expires.
        until: Timestamp,
    },
    /// It waits for its next attempt.
    #[error("the next attempt is not before {ready_at}")]
    NotYet {
        /// The earliest time of the next claim.
        ready_at: Timestamp,
    },
    /// It was claimed as often as the policy allows, and no worker holds it.
    #[error("no attempts are left")]
    Spent,
}

/// A job in a worker's hands.
pub(super) struct Held {
    pub(super) stage: JobStage,
    step: Step,
    lease: Lease,
}

impl Job {
    /// Claims the job for a worker, for the time of the policy's lease.
    ///
    /// # Errors
    /// [`ClaimRefused`] says what to do with the message instead.
    pub fn claim(self, token: LeaseToken, now: Timestamp, policy: &Policy) -> Result<Transition, ClaimRefused> {
        match self.state {
            JobState::Queued { ready_at, .. } if ready_at > now => return Err(ClaimRefused::NotYet { ready_at }),
            JobState::Running { lease, .. } if lease.until > now => {
                return Err(ClaimRefused::Leased { until: lease.until });
            }
            JobState::Queued { .. } | JobState::Running { .. } if self.attempts >= policy.max_attempts => {
                return Err(ClaimRefused::Spent);
            }
            JobState::Queued { .. } | JobState::Running { .. } => {}
            JobState::Review { .. } | JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {
                return Err(ClaimRefused::Ended);
            }
        }
        let lease = Lease { token, until: after(now, policy.lease) };
        let attempts = self.attempts + 1;
        let stage = self.stage().ok_or(ClaimRefused::Ended)?;
        // Everything was fetched, by intake or for the draft.
        let step = if self.is_fetched() || self.is_recutting() { Step::Background } else { Step::Fetch };
        let claimed = self.with_wait_until(now).at_step(stage, step, lease);
        Ok(Transition::without_effects(Self { attempts, ..claimed }))
    }

    /// Extends the worker's lease.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job runs under `token`.
    pub fn renew(self, token: LeaseToken, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let Held { stage, step, .. } = self.held_under(token, "renew its lease")?;
        let lease = Lease { token, until: after(now, policy.lease) };
        Ok(Transition::without_effects(self.at_step(stage, step, lease)))
    }

    /// Begins a step. The lease keeps its end, so the sweep's index does not change.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job runs under `token`.
    pub fn advance(self, token: LeaseToken, step: Step) -> Result<Transition, InvalidTransition> {
        let Held { stage, lease, .. } = self.held_under(token, "advance")?;
        Ok(Transition::without_effects(self.at_step(stage, step, lease)))
    }

    /// Ends the job successfully, or holds it for review.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job's pictures are made under `token`.
    pub fn finish(
        self,
        token: LeaseToken,
        outcome: Outcome,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Transition, InvalidTransition> {
        if self.held_under(token, "finish")?.stage != JobStage::Make {
            return Err(self.invalid("finish"));
        }
        if self.is_recutting() || self.spec.review.holds(outcome.confidence) {
            return Ok(self.with_progress(99).hold(outcome, now, policy));
        }
        let needs = self.needs.max(RecordVersion::of_outcome(&outcome));
        Ok(Self { progress: 100, needs, ..self }.end(JobState::Done { at: now, outcome }, now, policy))
    }

    /// Ends the worker's attempt with a fault. The job waits for its next attempt at the same stage; it fails if the fault is permanent
    /// or no attempts are left. One that was being cut again does not fail, but is held with its draft.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job runs under `token`.
    pub fn give_up(
        self,
        token: LeaseToken,
        fault: Fault,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Transition, InvalidTransition> {
        let Held { stage, .. } = self.held_under(token, "end its attempt")?;
        match fault {
            Fault::Retry(_) if self.attempts < policy.max_attempts => {
                let ready_at = after(now, policy.backoff(self.attempts));
                Ok(Transition::without_effects(self.enter(queued(stage, now, ready_at, policy))))
            }
            Fault::Retry(failure) | Fault::Fail(failure) => Ok(self.fail(failure, now, policy)),
        }
    }

    /// Stage, step and lease of a job that runs under `token`.
    pub(super) fn held_under(&self, token: LeaseToken, transition: &'static str) -> Result<Held, InvalidTransition> {
        match self.state {
            JobState::Running { stage, step, lease } if lease.token == token => Ok(Held { stage, step, lease }),
            JobState::Running { .. }
            | JobState::Queued { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid(transition)),
        }
    }

    fn at_step(self, stage: JobStage, step: Step, lease: Lease) -> Self {
        let progress = self.progress.max(step.progress());
        Self { progress, ..self.enter(JobState::Running { stage, step, lease }) }
    }
}
