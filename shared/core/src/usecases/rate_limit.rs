//! The rate limits of owners: a count of requests in fixed windows of a minute.
//!
//! A limit protects the service from a caller that runs away. It is not an accounting: around the turn of a minute, twice
//! the limit can pass within a few seconds, and a request whose count fails passes uncounted.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::env::Env;
use crate::domain::ids::OwnerId;
use crate::domain::keys::Owner;
use crate::domain::time::{after, between};
use crate::ports::{Keys, PortError, RateCounters};

/// The use case.
#[derive(Clone)]
pub struct RateLimit {
    /// Owners, with their limits.
    pub keys: Arc<dyn Keys>,
    /// The counters.
    pub counters: Arc<dyn RateCounters>,
    /// Time, identifiers and rules.
    pub env: Env,
}

/// A request after it was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedRequest {
    /// The owner's settings, to spare another read. `None` if they could not be read.
    pub settings: Option<Owner>,
    /// The use of the owner's limit. `None` without a limit, and if the count failed.
    pub usage: Option<RateUsage>,
}

/// How much of its limit an owner has used in the present window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateUsage {
    /// The most requests in a window.
    pub limit: u32,
    /// The requests in this window so far, the latest included.
    pub requests: u64,
    /// The time until the next window begins.
    pub resets_in: Duration,
}

impl RateUsage {
    /// The length of a window.
    pub const WINDOW: Duration = Duration::from_secs(60);

    /// Whether the latest request is over the limit.
    pub fn is_exceeded(&self) -> bool {
        self.requests > u64::from(self.limit)
    }

    /// How many more requests fit in this window.
    pub fn remaining(&self) -> u32 {
        // At most the limit.
        u32::try_from(u64::from(self.limit).saturating_sub(self.requests)).unwrap_or(self.limit)
    }
}

impl RateLimit {
    /// Counts a request of this owner. It passes uncounted if the owner has no limit, or if a store fails: then the log
    /// has the reason.
    pub async fn count(&self, owner: &OwnerId) -> CountedRequest {
        let settings = self.keys.owner(owner).await;
        let settings = settings.inspect_err(|error| log_uncounted(owner, error)).ok();
        let usage = match settings.as_ref().and_then(|settings| settings.requests_per_minute) {
            Some(limit) => self.usage(owner, limit).await.inspect_err(|error| log_uncounted(owner, error)).ok(),
            None => None,
        };
        CountedRequest { settings, usage }
    }

    async fn usage(&self, owner: &OwnerId, limit: u32) -> Result<RateUsage, PortError> {
        let now = self.env.clock.now();
        let window = window_of(now);
        let requests = self.counters.count(owner, window).await?;
        Ok(RateUsage { limit, requests, resets_in: between(now, after(window, RateUsage::WINDOW)) })
    }
}

fn log_uncounted(owner: &OwnerId, error: &PortError) {
    tracing::error!(%owner, %error, "rate limit not checked, request passed");
}

/// When the window of this time began: at the full minute.
fn window_of(now: Timestamp) -> Timestamp {
    let length = RateUsage::WINDOW.as_millis() as i64;
    let into_window = now.as_millisecond().rem_euclid(length);
    Timestamp::from_millisecond(now.as_millisecond() - into_window).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_full_minutes() {
        for (now, window) in [(0, 0), (59_999, 0), (60_000, 60), (1_780_000_000_123, 1_779_999_960), (-1, -60)] {
            let now = Timestamp::from_millisecond(now).expect("a time");
            assert_eq!(window_of(now).as_millisecond(), window * 1_000, "{now}");
        }
    }

    #[test]
    fn the_limit_itself_passes() {
        let usage = |requests| RateUsage { limit: 2, requests, resets_in: RateUsage::WINDOW };
        let seen = [1, 2, 3, u64::MAX].map(|requests| (usage(requests).remaining(), usage(requests).is_exceeded()));
        assert_eq!(seen, [(1, false), (0, false), (0, true), (0, true)]);
    }
}
