//! Which message groups are noisy, by the documented thresholds of fair queues.

use std::collections::HashMap;
use std::time::Duration;

use cutline_core::domain::ids::OwnerId;
use tokio::time::Instant;

/// A group is noisy with more than this share of the messages in flight, if they are at least as many as the minimum,
/// or with more than this share of the recent processing time.
const NOISY_SHARE: f64 = 0.1;
const MIN_NOISY_MESSAGES: usize = 30;

/// What "recent" means; SQS documents no time. Older processing time counts less and less.
const RECENT: Duration = Duration::from_secs(60);

/// The groups of a queue.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    in_flight: HashMap<OwnerId, usize>,
    work: HashMap<OwnerId, Recent>,
    all_work: Recent,
}

/// Processing time that fades.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    seconds: f64,
    at: Option<Instant>,
}

impl Recent {
    fn value(&self, now: Instant) -> f64 {
        let passed = self.at.map_or(Duration::ZERO, |at| now - at);
        self.seconds * (-passed.as_secs_f64() / RECENT.as_secs_f64()).exp()
    }

    fn add(&mut self, time: Duration, now: Instant) {
        *self = Self { seconds: self.value(now) + time.as_secs_f64(), at: Some(now) };
    }
}

impl Fairness {
    pub(crate) fn begin(&mut self, group: &OwnerId) {
        *self.in_flight.entry(group.clone()).or_default() += 1;
    }

    pub(crate) fn end(&mut self, group: &OwnerId) {
        if let Some(count) = self.in_flight.get_mut(group) {
            *count = count.saturating_sub(1);
        }
    }

    pub(crate) fn note_work(&mut self, group: Option<&OwnerId>, time: Duration, now: Instant) {
        self.all_work.add(time, now);
        if let Some(group) = group {
            self.work.entry(group.clone()).or_default().add(time, now);
        }
    }

    /// Whether the group's messages go after those of quiet ones. `all` messages of the queue are in flight.
    pub(crate) fn is_noisy(&self, group: &OwnerId, all: usize, now: Instant) -> bool {
        let own = self.in_flight.get(group).copied().unwrap_or(0);
        let has_many = own >= MIN_NOISY_MESSAGES && own as f64 > NOISY_SHARE * all as f64;
        let work = self.work.get(group).map_or(0.0, |work| work.value(now));
        has_many || work > NOISY_SHARE * self.all_work.value(now)
    }
}
