//! What SQS and CloudWatch report about a queue, which is out of date.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How old a reported length is. SQS promises no more than a minute after a change.
const LENGTH_LAG: Duration = Duration::from_secs(10);
/// How often the length is noted.
const LENGTH_STEP: Duration = Duration::from_secs(1);

/// How old the newest age is that CloudWatch knows, and how far the adapter looks back.
const AGE_LAG: Duration = Duration::from_secs(60);
const AGE_WINDOW: Duration = Duration::from_secs(5 * 60);

/// The reports about a queue.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    lengths: VecDeque<(Instant, usize)>,
    ages: VecDeque<(Instant, Duration)>,
}

impl Gauges {
    /// Notes the length before a change.
    pub(crate) fn note_length(&mut self, now: Instant, length: usize) {
        if self.lengths.back().is_none_or(|(at, _)| *at + LENGTH_STEP <= now) {
            self.lengths.push_back((now, length));
        }
        // The newest of those that are old enough stays at the front.
        while self.lengths.get(1).is_some_and(|(at, _)| *at + LENGTH_LAG <= now) {
            self.lengths.pop_front();
        }
    }

    /// A length that is out of date. `length` is the present one.
    pub(crate) fn length(&mut self, now: Instant, length: usize) -> u64 {
        self.note_length(now, length);
        self.lengths.front().map_or(length, |(_, length)| *length) as u64
    }

    /// Notes the age of the oldest message.
    pub(crate) fn sample(&mut self, now: Instant, age: Option<Duration>) {
        self.ages.push_back((now, age.unwrap_or_default()));
        while self.ages.front().is_some_and(|(at, _)| *at + AGE_WINDOW <= now) {
            self.ages.pop_front();
        }
    }

    /// The highest age of the window, without the newest ones.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        let known = self.ages.iter().filter(|(at, _)| *at + AGE_LAG <= now && now < *at + AGE_WINDOW);
        known.map(|(_, age)| *age).max().filter(|age| !age.is_zero())
    }
}
