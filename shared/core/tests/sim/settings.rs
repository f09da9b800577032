//! The rules and the load of a simulation.

use std::num::NonZeroU32;
use std::time::Duration;

use cutline_core::domain::backfill::{self, Backfill};

/// Everything that a simulation depends on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// Files that are dropped at the beginning.
    pub(crate) drops: u64,
    /// How many million pixels a photo has; decides how long its picture takes.
    pub(crate) megapixels: f64,
    /// The template's parameter `BulkConcurrency`.
    pub(crate) bulk_concurrency: NonZeroU32,
    /// `ProcessConcurrency`.
    pub(crate) live_concurrency: NonZeroU32,
    /// `IntakeConcurrency`.
    pub(crate) intake_concurrency: NonZeroU32,
    /// The account's limit for all functions together.
    pub(crate) account_concurrency: u32,
    /// Whether SQS serves quiet message groups first.
    pub(crate) has_fair_queues: bool,
    /// The share of requests to AWS that fail, before or after they took effect.
    pub(crate) faults: f64,
    /// The share of invocations whose process is killed.
    pub(crate) kills: f64,
    /// The share of messages that SQS delivers to two workers.
    pub(crate) duplicates: f64,
    /// How long a change takes to reach an index of the table.
    pub(crate) index_lag: Duration,
    /// Repeats a simulation.
    pub(crate) seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drops: 400_000,
            megapixels: 12.0,
            bulk_concurrency: NonZeroU32::new(20).expect("not zero"),
            live_concurrency: NonZeroU32::new(5).expect("not zero"),
            intake_concurrency: NonZeroU32::new(5).expect("not zero"),
            account_concurrency: 1_000,
            has_fair_queues: true,
            faults: 0.0,
            kills: 0.0,
            duplicates: 0.001,
            index_lag: Duration::from_secs(2),
            seed: 1,
        }
    }
}

impl Settings {
    /// The share of invocations that [`Settings::kills`] is set to on request.
    pub(crate) const KILLS: f64 = 0.01;

    /// How long the process function takes for a photo, on average.
    pub(crate) fn per_picture(&self) -> Duration {
        backfill::time_per_picture(self.megapixels)
    }

    /// The dropped files.
    pub(crate) fn backfill(&self) -> Backfill {
        Backfill { pictures: self.drops, per_picture: self.per_picture() }
    }

    /// Whether anything goes wrong that retries have to repair.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.faults > 0.0 || self.kills > 0.0
    }
}
