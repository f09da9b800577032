//! How long dropped files wait while the bulk lane is full.
//!
//! A fixed wait is wrong in both directions: longer than the lane takes to empty, it leaves the workers without work, and
//! shorter than that, every file is looked at again and again. So the wait follows from how fast the lane moves: of a file
//! among `n` waiting ones, the turn comes after about `n` times the lane's time for one job.
//!
//! Files that were dropped together would also be looked at together, and leave the lane empty until the next time. So their
//! waits differ.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::join;
use jiff::Timestamp;

use crate::domain::job::{JobStage, Route};
use crate::domain::lane::Lane;
use crate::domain::time::between;
use crate::ports::Queue;

/// The makers' bulk queue.
pub(super) const BULK: Route = Route { lane: Lane::Bulk, stage: JobStage::Make };

/// The length of that queue from which no dropped file becomes a job. Until then a file waits where it was dropped, and its
/// job's time has not begun.
pub(super) const MAX_BULK_JOBS: u64 = 2_000;

/// How often a file is looked at until its turn, on average: enough that files arrive whenever there is room.
const LOOKS: f64 = 4.0;

/// The shortest wait as a share of the time that a job waits in the full lane.
const MIN_SHARE: f64 = 0.05;

const MIN_WAIT: Duration = Duration::from_secs(30);
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// The wait if a queue cannot be measured.
const DEFAULT_WAIT: Duration = Duration::from_secs(10 * 60);

/// The longest time that counts as the full lane's. A message of a worker that was killed is far older than those before
/// and after it, and would leave a fast lane empty.
const MAX_LANE_TIME: Duration = Duration::from_secs(2 * 60 * 60);

/// The most waiting files that count. SQS keeps at most 120,000 deferred messages; it delivers others only after those.
const MAX_WAITING: u64 = 100_000;

/// How long an estimate holds. On AWS, it costs a request to CloudWatch.
const LIFETIME: Duration = Duration::from_secs(60);

/// The part of the golden ratio behind its point: its multiples, without what is before the point, divide an interval
/// evenly, however many there are.
const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;

/// The wait of dropped files behind a full bulk lane. All handlers of a process share it.
#[derive(Debug, Clone, Default)]
pub struct DropWait(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    estimate: Option<Estimate>,
    /// How many waits were given.
    given: u32,
}

#[derive(Debug, Clone, Copy)]
struct Estimate {
    at: Timestamp,
    wait: Duration,
}

impl DropWait {
    /// The time until a file is looked at again.
    pub(super) async fn get(&self, queue: &dyn Queue, now: Timestamp) -> Duration {
        let known = self.lock().estimate;
        let wait = match known {
            Some(Estimate { at, wait }) if at <= now && between(at, now) < LIFETIME => wait,
            _ => self.estimate(queue, now).await,
        };
        let mut state = self.lock();
        state.given = state.given.wrapping_add(1);
        spread(wait, state.given)
    }

    async fn estimate(&self, queue: &dyn Queue, now: Timestamp) -> Duration {
        let wait = match join!(queue.oldest_age(BULK), queue.length(Route::DROPS)) {
            (Ok(lane), Ok(waiting)) => wait(lane.unwrap_or_default(), waiting),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "backlog of dropped files unknown");
                DEFAULT_WAIT
            }
        };
        self.lock().estimate = Some(Estimate { at: now, wait });
        wait
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wait if a job waits for `lane` in the full lane, and this many messages about dropped files wait.
fn wait(lane: Duration, waiting: u64) -> Duration {
    let lanes = waiting.min(MAX_WAITING) as f64 / MAX_BULK_JOBS as f64;
    lane.min(MAX_LANE_TIME).mul_f64((lanes / LOOKS).max(MIN_SHARE)).clamp(MIN_WAIT, MAX_WAIT)
}

/// The `given`-th of many waits that are `wait` on average: from half of it to one and a half.
fn spread(wait: Duration, given: u32) -> Duration {
    if wait <= MIN_WAIT {
        return wait;
    }
    wait.mul_f64(0.5 + (f64::from(given) * GOLDEN_RATIO).fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_that_begin_together_end_at_different_times() {
        let wait = Duration::from_secs(1_000);
        let mut ends: Vec<_> = (1..=1_000).map(|given| spread(wait, given).as_millis()).collect();
        ends.sort_unstable();
        assert!(ends[0] >= 500_000 && ends[999] < 1_500_000, "{ends:?}");
        let gaps = ends.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.max() < Some(3_000), "the lane would be empty: {ends:?}");
        assert_eq!(spread(MIN_WAIT, 7), MIN_WAIT);
    }

    #[test]
    fn the_wait_grows_with_the_backlog_and_shrinks_with_the_speed_of_the_lane() {
        let seconds = |lane, waiting| wait(Duration::from_secs(lane), waiting).as_secs();
        assert_eq!(seconds(400, 20_000), 1_000);
        assert_eq!(seconds(40, 20_000), 100, "ten times as many workers");
        assert_eq!(seconds(400, 2_000), 100, "the last files are looked at before the lane is empty");
        assert_eq!(seconds(5_000, 1), 250);
        assert_eq!(seconds(400, 400_000), 3_600);
        assert_eq!(seconds(0, 400_000), 30, "nothing is known yet");
    }
}
