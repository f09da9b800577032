//! How long a back-fill takes on AWS, what it costs, and how many pictures have to be made at the same time.
//!
//! A back-fill is many bulk jobs at once: files that are dropped together, or uploads to the bulk lane. Its time is that of
//! the makers of pictures; everything before and after them runs meanwhile. The simulation (`cargo xtask sim`) compares
//! this estimate with the use cases themselves.

use std::num::NonZeroU32;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// The longest back-fill. The queue of dropped files keeps a message no longer, and the message is the only trace of a
/// file that has not become a job yet.
pub const MAX_TIME: Duration = Duration::from_secs(10 * DAY);

/// The fewest and the most pictures that a trigger of a queue makes at the same time, by Lambda's rules.
pub const CONCURRENCY: [NonZeroU32; 2] = [NonZeroU32::new(2).unwrap(), NonZeroU32::new(1_000).unwrap()];

/// The time that the process function takes for a picture of no size, and what each megapixel adds: 2.5 s for 2
/// megapixels and 5 s for 12, with 3,008 MB, calls to the stores included.
const BASE_TIME: Duration = Duration::from_millis(2_000);
const TIME_PER_MEGAPIXEL: Duration = Duration::from_millis(250);

/// US dollars per GB-second of Lambda on x86, the list price of us-east-1.
const GB_SECOND_USD: f64 = 0.000_016_666_7;

/// US dollars for everything else that a dropped file costs: the calls to S3, DynamoDB and SQS, the functions that take it in
/// and deliver its results, log and traces. Six puts (the drop, its copy, a picture and a matte, the result and its manifest)
/// are nearly half of it. `cargo xtask bench cost` counts the calls.
const CALLS_USD: f64 = 0.000_07;

/// The time that the process function takes for a picture with this many million pixels.
pub fn time_per_picture(megapixels: f64) -> Duration {
    BASE_TIME + TIME_PER_MEGAPIXEL.mul_f64(megapixels.clamp(0.0, 1_000.0))
}

/// Many pictures to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// How many.
    pub pictures: u64,
    /// The time that one takes, on average: [`time_per_picture`], or as measured.
    pub per_picture: Duration,
}

/// An estimated back-fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From the first picture to the last.
    pub time: Duration,
    /// US dollars at list prices, without the storage and the transfer of files.
    pub usd: f64,
}

/// The back-fill takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the back-fill takes too long: about {} of at most {} days with BulkConcurrency {concurrency}; {}",
    days(*.time), MAX_TIME.as_secs() / DAY, remedy(*.needed))]
pub struct TooLong {
    /// How long it takes.
    pub time: Duration,
    /// How many pictures are made at the same time.
    pub concurrency: NonZeroU32,
    /// How many would have to be; `None` if Lambda does not allow that.
    pub needed: Option<NonZeroU32>,
}

fn remedy(needed: Option<NonZeroU32>) -> String {
    match needed {
        Some(needed) => format!("deploy with BulkConcurrency {needed} or more"),
        None => format!("BulkConcurrency is at most {}, so split the back-fill", CONCURRENCY[1]),
    }
}

impl Backfill {
    /// The time and the cost, with this many pictures at the same time and this much memory for each, in MB.
    pub fn estimate(&self, concurrency: NonZeroU32, memory_mb: u32) -> Estimate {
        let gigabytes = f64::from(memory_mb) / 1024.0;
        let compute = self.per_picture.as_secs_f64() * gigabytes * GB_SECOND_USD;
        Estimate { time: self.time(concurrency), usd: self.pictures as f64 * (compute + CALLS_USD) }
    }

    /// Checks that it ends within [`MAX_TIME`].
    ///
    /// # Errors
    /// [`TooLong`], with the concurrency that it needs.
    pub fn check(&self, concurrency: NonZeroU32) -> Result<(), TooLong> {
        let time = self.time(concurrency);
        if time <= MAX_TIME { Ok(()) } else { Err(TooLong { time, concurrency, needed: self.concurrency_needed() }) }
    }

    /// The lowest concurrency with which it ends within [`MAX_TIME`]; `None` if Lambda does not allow that.
    pub fn concurrency_needed(&self) -> Option<NonZeroU32> {
        let needed = self.work_nanos().div_ceil(MAX_TIME.as_nanos());
        let needed = NonZeroU32::new(u32::try_from(needed).ok()?.max(CONCURRENCY[0].get()))?;
        (needed <= CONCURRENCY[1]).then_some(needed)
    }

    fn time(&self, concurrency: NonZeroU32) -> Duration {
        let nanos = self.work_nanos().div_ceil(u128::from(concurrency.get()));
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, (nanos % 1_000_000_000) as u32)
    }

    fn work_nanos(&self) -> u128 {
        // 2^64 pictures of 2^64 seconds each would not fit, and are too many anyway.
        u128::from(self.pictures).saturating_mul(self.per_picture.as_nanos())
    }
}

/// A time in days with one digit, rounded up: a time just above the limit must not read like the limit.
fn days(time: Duration) -> f64 {
    (time.as_secs_f64() / DAY as f64 * 10.0).ceil() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const DROPS: Backfill = Backfill { pictures: 400_000, per_picture: Duration::from_secs(5) };

    fn concurrency(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).expect("not zero")
    }

    #[test]
    fn a_picture_takes_a_time_by_its_size() {
        assert_eq!(time_per_picture(2.0), Duration::from_millis(2_500));
        assert_eq!(time_per_picture(12.0), Duration::from_secs(5));
        assert_eq!(time_per_picture(f64::NEG_INFINITY), BASE_TIME);
    }

    #[test]
    fn time_and_cost_follow_from_the_work() {
        let Estimate { time, usd } = DROPS.estimate(concurrency(20), 3008);
        assert_eq!(time, Duration::from_secs(100_000));
        // 2,000,000 s of 2.9375 GB are $ 97.92, and the calls $ 28.
        assert!((usd - 125.92).abs() < 0.01, "{usd}");
        let nothing = Backfill { pictures: 0, ..DROPS }.estimate(concurrency(2), 3008);
        assert_eq!(nothing, Estimate { time: Duration::ZERO, usd: 0.0 });
    }

    #[test]
    fn a_backfill_above_ten_days_is_refused_with_the_concurrency_it_needs() {
        assert_eq!(DROPS.check(concurrency(20)), Ok(()));
        let refused = DROPS.check(concurrency(2)).expect_err("refused");
        assert_eq!(
            refused.to_string(),
            "the back-fill takes too long: about 11.6 of at most 10 days with BulkConcurrency 2; deploy with \
             BulkConcurrency 3 or more"
        );
        assert_eq!(DROPS.check(refused.needed.expect("possible")), Ok(()));
        let huge = Backfill { pictures: u64::MAX, ..DROPS };
        let refused = huge.check(concurrency(1_000)).expect_err("refused");
        assert!(
            refused.to_string().ends_with("; BulkConcurrency is at most 1000, so split the back-fill"),
            "{refused}"
        );
    }

    #[test]
    fn the_limit_is_exact() {
        // Ten days of two workers.
        let exact = Backfill { pictures: 2 * 864_000, per_picture: Duration::from_secs(1) };
        assert_eq!((exact.check(concurrency(2)), exact.concurrency_needed()), (Ok(()), Some(concurrency(2))));
        let over = Backfill { pictures: exact.pictures + 1, ..exact };
        let refused = over.check(concurrency(2)).expect_err("refused");
        assert_eq!(refused.needed, Some(concurrency(3)));
        assert!(refused.to_string().contains("about 10.1 of at most 10 days"), "{refused}");
        assert_eq!(Backfill { pictures: 1, ..exact }.concurrency_needed(), Some(CONCURRENCY[0]), "Lambda's minimum");
    }
}
