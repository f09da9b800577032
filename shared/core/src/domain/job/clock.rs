//! Transitions after someone has set the clock. They change times and nothing else.

use std::time::Duration;

use jiff::Timestamp;

use super::model::Job;
use super::report::ReportStatus;
use super::state::JobState;
use super::transition::{InvalidTransition, Transition};
use crate::domain::policy::Policy;
use crate::domain::time::{after, between};

/// The longest wait of a report for its next attempt.
const MAX_REPORT_WAIT: Duration = Duration::from_secs(12 * 60 * 60);

impl Job {
    /// Brings times forward that cannot lie so far ahead of `now`: they were written while the clock was wrong, and the
    /// job would wait for them. A state that began in the future counts as begun at `now`, and its other times move
    /// with it. A lease ends at most one lease from now, and a message counts as lost no later than a message that was
    /// sent again just now.
    ///
    /// # Errors
    /// [`InvalidTransition`] if all times are plausible.
    pub fn bring_forward(self, now: Timestamp, policy: &Policy) -> Result<Transition, InvalidTransition> {
        let begun_at = match &self.state {
            JobState::Queued { since, .. } | JobState::Review { since, .. } => Some(*since),
            JobState::Running { .. } => None,
            JobState::Done { at, .. } | JobState::Failed { at, .. } | JobState::Withdrawn { at } => Some(*at),
        };
        let ahead = begun_at.map_or(Duration::ZERO, |at| between(now, at));
        let mut job = self.clone().move_times(|time| before(time, ahead));
        job.created_at = self.created_at.min(now);
        match &mut job.state {
            JobState::Queued { since, resend_at, .. } => {
                let longest = between(*since, now).max(policy.resend_after[policy.resend_after.len() - 1]);
                *resend_at = (*resend_at).min(after(now, longest));
            }
            JobState::Running { lease, .. } => lease.until = lease.until.min(after(now, policy.lease)),
            JobState::Review { since, deadline, .. } => {
                *deadline = (*deadline).min(Self::review_deadline(*since, policy));
            }
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Withdrawn { .. } => {}
        }
        if let Some(recut) = &mut job.recut {
            recut.at = recut.at.min(now);
            if let Some(draft) = &mut recut.replaces {
                draft.since = draft.since.min(now);
                draft.deadline = draft.deadline.min(Self::review_deadline(draft.since, policy));
            }
        }
        for files in &mut job.replaced {
            files.delete_at = files.delete_at.min(after(now, MAX_REPORT_WAIT));
        }
        if let Some(deletion) = &mut job.deletion {
            let latest = after(now, policy.lease + policy.max_attempt);
            deletion.writes_until = deletion.writes_until.min(latest);
            deletion.next_at = deletion.next_at.map(|at| at.min(latest));
        }
        let latest = after(now, MAX_REPORT_WAIT);
        for report in &mut job.reports {
            if let ReportStatus::Pending { next_at: Some(next_at) } = &mut report.status {
                *next_at = (*next_at).min(latest);
            }
            if let Some(ready_at) = report.as_webhook_mut().and_then(|delivery| delivery.ready_at.as_mut()) {
                *ready_at = (*ready_at).min(latest);
            }
        }
        if job == self { Err(self.invalid("be brought forward")) } else { Ok(job.with_new_version()) }
    }

    /// Moves every time into the future, because the clock jumped ahead by this much, to `now`. The job then has as
    /// much time left as before. Times that were written since the jump end up as if they were written at `now`.
    pub fn postpone(self, by: Duration, now: Timestamp, policy: &Policy) -> Transition {
        let created_at = after(self.created_at, by);
        let postponed = Self { created_at, ..self.move_times(|time| after(time, by)) };
        match postponed.clone().bring_forward(now, policy) {
            Ok(transition) => transition,
            Err(_) => postponed.with_new_version(),
        }
    }

    fn with_new_version(self) -> Transition {
        Transition::without_effects(Self { version: self.version + 1, ..self })
    }

    /// Changes every time except that of the job's creation.
    fn move_times(mut self, change: impl Fn(Timestamp) -> Timestamp) -> Self {
        match &mut self.state {
            JobState::Queued { since, ready_at, resend_at, .. } => {
                for time in [since, ready_at, resend_at] {
                    *time = change(*time);
                }
            }
            JobState::Running { lease, .. } => lease.until = change(lease.until),
            JobState::Review { since, deadline, .. } => {
                for time in [since, deadline] {
                    *time = change(*time);
                }
            }
            JobState::Done { at, .. } | JobState::Failed { at, .. } | JobState::Withdrawn { at } => *at = change(*at),
        }
        if let Some(recut) = &mut self.recut {
            recut.at = change(recut.at);
            if let Some(draft) = &mut recut.replaces {
                (draft.since, draft.deadline) = (change(draft.since), change(draft.deadline));
            }
        }
        for files in &mut self.replaced {
            files.delete_at = change(files.delete_at);
        }
        self.expires_at = self.expires_at.map(&change);
        if let Some(deletion) = &mut self.deletion {
            deletion.next_at = deletion.next_at.map(&change);
            deletion.writes_until = change(deletion.writes_until);
        }
        for report in &mut self.reports {
            if let ReportStatus::Pending { next_at: Some(next_at) } = &mut report.status {
                *next_at = change(*next_at);
            }
            if let Some(ready_at) = report.as_webhook_mut().and_then(|delivery| delivery.ready_at.as_mut()) {
                *ready_at = change(*ready_at);
            }
        }
        self
    }
}

/// `time - by`, or the first representable time.
fn before(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}
