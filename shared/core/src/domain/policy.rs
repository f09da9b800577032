//! The numbers behind the job's rules, in one place.

use std::time::Duration;

/// Time limits and attempts. The defaults are the documented values; users set only [`Policy::retention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a lease lasts without renewal.
    pub lease: Duration,
    /// How often a worker renews its lease.
    pub renew_every: Duration,
    /// How old the last write must be before progress within a step is worth a write.
    pub progress_after: Duration,
    /// The longest attempt. Far longer than any picture takes: it ends a call that never returns, whose lease would
    /// otherwise be renewed forever.
    pub max_attempt: Duration,
    /// How long before the host ends a worker its attempt gives up: enough to store the fault and to defer the message.
    pub deadline_margin: Duration,
    /// How many times a job is claimed before it fails.
    pub max_attempts: u32,
    /// The wait after the first failed attempt; each further wait is four times as long.
    pub first_backoff: Duration,
    /// When the message of a queued job counts as lost, measured from when the job was queued. After the last of these
    /// times, the message is sent again at that same interval. A message that is sent again late moves the times after it.
    pub resend_after: [Duration; 3],
    /// The longest time that a job may be pending. No longer than the queue keeps a message.
    pub max_pending: Duration,
    /// The longest time that a dropped file waits for room in the bulk lane before it becomes a job. Together with
    /// `max_pending` as long as a back-fill may take: [`backfill::MAX_TIME`](super::backfill::MAX_TIME).
    pub max_drop_wait: Duration,
    /// How long to defer a message that could not be handled: it is unreadable, or a store did not answer.
    pub defer: Duration,
    /// How long a job that has ended and its pictures are kept.
    pub retention: Duration,
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

const fn days(n: u64) -> Duration {
    minutes(n * 24 * 60)
}

impl Policy {
    /// The documented defaults with this retention.
    pub const fn with_retention_days(retention_days: u32) -> Self {
        Self {
            lease: Duration::from_secs(90),
            renew_every: Duration::from_secs(30),
            progress_after: Duration::from_secs(1),
            max_attempt: minutes(10),
            deadline_margin: Duration::from_secs(5),
            max_attempts: 3,
            first_backoff: Duration::from_secs(10),
            resend_after: [minutes(2), minutes(10), minutes(60)],
            max_pending: days(4),
            max_drop_wait: days(6),
            defer: Duration::from_secs(30),
            retention: days(retention_days as u64),
        }
    }

    /// The wait after the `attempts`-th attempt failed.
    pub fn backoff(&self, attempts: u32) -> Duration {
        self.first_backoff * 4u32.saturating_pow(attempts.saturating_sub(1).min(6))
    }

    /// When the message of a job counts as lost after `resends` resends, measured from when the job was queued.
    pub fn resend_at(&self, resends: u32) -> Duration {
        let last = self.resend_after.len() - 1;
        let index = usize::try_from(resends).unwrap_or(usize::MAX);
        match self.resend_after.get(index) {
            Some(after) => *after,
            None => self.resend_after[last] * (resends - last as u32 + 1),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::with_retention_days(7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backfill_of_the_longest_time_ends_before_its_last_jobs_time_out() {
        let policy = Policy::default();
        assert_eq!(policy.max_drop_wait + policy.max_pending, crate::domain::backfill::MAX_TIME);
    }

    #[test]
    fn waits_grow() {
        let policy = Policy::default();
        assert_eq!(policy.backoff(1), Duration::from_secs(10));
        assert_eq!(policy.backoff(2), Duration::from_secs(40));
        let resends: Vec<_> = (0..5).map(|n| policy.resend_at(n).as_secs() / 60).collect();
        assert_eq!(resends, [2, 10, 60, 120, 180]);
    }
}
