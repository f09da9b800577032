//! How much memory the bodies of all requests together may take.
//!
//! An upload is held in memory while it is read and stored, so many large ones at once could take all of
//! it. Before a body is read, its size is taken from a budget; who finds none left waits, and so does the
//! caller, whose bytes stay in the network. Small bodies have a budget of their own: however many large
//! ones wait, a request that only names a URL does not stand behind them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::fields::MAX_FIELDS_BYTES;

/// The unit that budgets are counted in, in bytes.
const UNIT: usize = 1_000;
/// How long a request waits for its part.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the bodies of requests may take of this process's memory. Clones share it.
#[derive(Debug, Clone)]
pub struct BodyBudget {
    large: Lane,
    small: Lane,
}

/// One of the two budgets.
#[derive(Debug, Clone)]
struct Lane {
    left: Arc<Semaphore>,
    whole: u32,
}

/// A body's part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _part: Option<OwnedSemaphorePermit>,
}

impl BodyBudget {
    /// A budget of so many bytes for bodies with files, and of so many for those of at most 256 KB, which
    /// hold fields alone.
    pub fn new(large: usize, small: usize) -> Self {
        Self { large: Lane::new(large), small: Lane::new(small) }
    }

    /// Takes what a body of at most so many bytes needs.
    ///
    /// # Errors
    /// 503 where it is not to be had within 10 s.
    pub(crate) async fn hold(&self, bytes: usize) -> Result<Held, ApiError> {
        let lane = if bytes <= MAX_FIELDS_BYTES { &self.small } else { &self.large };
        match timeout(PATIENCE, Arc::clone(&lane.left).acquire_many_owned(lane.units(bytes))).await {
            // The semaphore is never closed. If it were, a request would better be served than not.
            Ok(permit) => Ok(Held { _part: permit.ok() }),
            Err(_) => {
                tracing::warn!(bytes, "other uploads have all the memory that there is for them");
                Err(ApiError::Unavailable)
            }
        }
    }
}

impl Lane {
    fn new(bytes: usize) -> Self {
        let whole = units(bytes);
        Self { left: Arc::new(Semaphore::new(whole as usize)), whole }
    }

    /// What a body counts as: never more than all, so that one can always be served.
    fn units(&self, bytes: usize) -> u32 {
        units(bytes).min(self.whole)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_counts_for_its_bytes_and_for_no_more_than_there_are() {
        let lane = Lane::new(50_000_000);
        assert_eq!(lane.units(0), 0);
        assert_eq!(lane.units(1), 1);
        assert_eq!(lane.units(2_500_000), 2_500);
        assert_eq!(lane.units(usize::MAX), 50_000, "one caller can always be served");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_nothing_left_waits_for_a_while_and_a_small_body_never_for_large_ones() {
        let budget = BodyBudget::new(2_000_000, 1_000_000);
        let first = budget.hold(1_500_000).await.expect("held");
        assert_eq!(budget.hold(1_000_000).await.err(), Some(ApiError::Unavailable));
        let waiting = budget.hold(1_000_000);
        let small = async {
            budget.hold(200).await.expect("held at once");
            drop(first);
        };
        let (large, ()) = tokio::join!(waiting, small);
        large.expect("held once the first has given back what it had");
    }
}
