//! The numbers behind the job's rules, in one place.

use std::time::Duration;

/// How long things may take and how often they are tried. The defaults are the documented ones; the only
/// one meant to be set by a user is [`Policy::retention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a claim holds without being renewed.
    pub lease: Duration,
    /// How often a claim is renewed while work goes on.
    pub renew_every: Duration,
    /// How long nothing has to have been written before progress within a step is worth a write.
    pub progress_after: Duration,
    /// How long one attempt may take before it is given up. Far longer than any picture takes: it is for a
    /// call that never comes back, which would otherwise be renewed for ever.
    pub max_attempt: Duration,
    /// How many times a job is claimed before it fails.
    pub max_attempts: u32,
    /// How long a job waits after its first attempt failed; each further wait is four times as long.
    pub first_backoff: Duration,
    /// When the message of a queued job is taken for lost, counted from when the job was queued. After
    /// the last of them it is sent again at that same interval.
    pub resend_after: [Duration; 3],
    /// How long a job may be pending in all. Not longer than the queue keeps a message.
    pub max_pending: Duration,
    /// How long a message that could not be handled (malformed, or the store did not answer) is put off.
    pub defer: Duration,
    /// How long a finished job and its pictures are kept.
    pub retention: Duration,
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

const fn days(n: u64) -> Duration {
    minutes(n * 24 * 60)
}

impl Policy {
    /// The documented defaults, with finished jobs kept for `retention_days`.
    pub const fn with_retention_days(retention_days: u32) -> Self {
        Self {
            lease: Duration::from_secs(90),
            renew_every: Duration::from_secs(30),
            progress_after: Duration::from_secs(1),
            max_attempt: minutes(10),
            max_attempts: 3,
            first_backoff: Duration::from_secs(10),
            resend_after: [minutes(2), minutes(10), minutes(60)],
            max_pending: days(4),
            defer: Duration::from_secs(30),
            retention: days(retention_days as u64),
        }
    }

    /// How long a job waits after its `attempts`-th attempt failed.
    pub fn backoff(&self, attempts: u32) -> Duration {
        self.first_backoff * 4u32.saturating_pow(attempts.saturating_sub(1).min(6))
    }

    /// When the message of a job is taken for lost for the `resends`-th time, counted from when the job
    /// was queued.
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
    fn waits_grow() {
        let policy = Policy::default();
        assert_eq!(policy.backoff(1), Duration::from_secs(10));
        assert_eq!(policy.backoff(2), Duration::from_secs(40));
        let resends: Vec<_> = (0..5).map(|n| policy.resend_at(n).as_secs() / 60).collect();
        assert_eq!(resends, [2, 10, 60, 120, 180]);
    }
}
