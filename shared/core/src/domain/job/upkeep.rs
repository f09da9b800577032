//! Transitions of a job that no worker holds: its message was lost, its worker was lost, or its time is over.

use jiff::Timestamp;

use super::model::{Job, queued};
use super::state::JobState;
use super::transition::{Effect, InvalidTransition, Transition};
use crate::domain::failure::Failure;
use crate::domain::policy::Policy;
use crate::domain::time::{after, between};

impl Job {
    /// Takes back a job whose message could not be sent. It gets its credit back and owes no reports.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the job was claimed, since its message did arrive, or is being cut again.
    pub fn withdraw(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        match self.state {
            JobState::Queued { .. } if self.attempts == 0 && self.intake_attempts == 0 && !self.is_recutting() => {
                let effects = self.charged.then_some(Effect::Refund).into_iter().collect();
                let job = Self { expires_at: Some(after(now, policy.retention)), ..self };
                Ok(Transition { job: job.enter(JobState::Withdrawn { at: now }), effects })
            }
            JobState::Queued { .. }
            | JobState::Running { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid("be withdrawn")),
        }
    }

    /// Notes that the message of a queued job is sent again at `now`.
    ///
    /// For a job that waited behind a backlog, the next planned time may be hours past too. Then it would be due at once, and
    /// have a message sent every minute. So the time between two sends is never shorter than planned.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job is queued.
    pub fn resend(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        match self.state {
            JobState::Queued { stage, since, ready_at, resends: before, .. } => {
                let resends = before + 1;
                let next = policy.resend_at(resends);
                let interval = next.saturating_sub(policy.resend_at(before));
                let resend_at = after(ready_at, next).max(after(now, interval));
                let resend_at = self.within_its_time(resend_at, policy);
                let state = JobState::Queued { stage, since, ready_at, resend_at, resends };
                Ok(Transition::without_effects(self.enter(state)))
            }
            JobState::Running { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid("have its message sent again")),
        }
    }

    /// Looks at a queued job again later, because the queue has a backlog. The wait doubles each time, so a backlog of
    /// days costs a job a dozen writes rather than one a minute.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job is queued.
    pub fn look_later(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        match self.state {
            JobState::Queued { stage, since, ready_at, resends, .. } => {
                let wait = between(since, now).max(policy.resend_after[0]);
                let resend_at = self.within_its_time(after(now, wait), policy);
                let state = JobState::Queued { stage, since, ready_at, resend_at, resends };
                Ok(Transition::without_effects(self.enter(state)))
            }
            JobState::Running { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid("wait behind a backlog")),
        }
    }

    /// Queues a job again after its worker was lost, or after its message was dead-lettered while it waited.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the job has ended, or its lease is live.
    pub fn requeue(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let (stage, ready_at) = match self.state {
            JobState::Queued { stage, ready_at, .. } => (stage, ready_at.max(now)),
            JobState::Running { stage, lease, .. } if lease.until <= now => (stage, now),
            JobState::Running { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => {
                return Err(self.invalid("be queued again"));
            }
        };
        Ok(Transition::without_effects(self.with_wait_until(now).enter(queued(stage, now, ready_at, policy))))
    }

    /// Queues a running job again although its lease may be live, because its worker is known to be gone. Only for a
    /// process that has the store to itself, such as the server of a data folder when it starts.
    ///
    /// # Errors
    /// [`InvalidTransition`] unless the job is running.
    pub fn abandon(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        match self.state {
            JobState::Running { stage, .. } => {
                Ok(Transition::without_effects(self.enter(queued(stage, now, now, policy))))
            }
            JobState::Queued { .. }
            | JobState::Review { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. }
            | JobState::Withdrawn { .. } => Err(self.invalid("be abandoned")),
        }
    }

    /// Fails a job that no worker holds. One that was being cut again is held with its draft.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the job has ended or is held for review, or its lease is live.
    pub fn expire(self, failure: Failure, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let is_leased = matches!(&self.state, JobState::Running { lease, .. } if lease.until > now);
        if is_leased || self.is_held() || self.has_ended() {
            return Err(self.invalid("expire"));
        }
        Ok(self.fail(failure, now, policy))
    }

    /// `time`, or the end of the job's longest wait if that is earlier: the sweep then has to end it.
    fn within_its_time(&self, time: Timestamp, policy: &Policy) -> Timestamp {
        time.min(self.pending_until(policy))
    }
}
