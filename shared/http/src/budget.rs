//! A limit on the memory that all request bodies take together.
//!
//! An upload stays in memory until it is stored, so many large ones at once could exhaust it. Before a body is
//! read, its size is taken from a budget. If the budget is spent, the request waits, and the caller's bytes stay
//! in the network. Small bodies have a budget of their own, so a request that only names a URL never waits
//! behind large uploads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::field::MAX_FIELDS_BYTES;

/// What reading a body with a file takes in addition to its bytes: the buffers of the connection and of the parser, in
/// bytes.
const READING_BYTES: usize = 200_000;
/// The unit of the budget, in bytes.
const UNIT: usize = 1_000;
/// How long a request waits for its share.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The memory that request bodies may take in this process. Clones share it.
#[derive(Debug, Clone)]
pub struct BodyBudget {
    large: MemoryPool,
    small: MemoryPool,
}

#[derive(Debug, Clone)]
struct MemoryPool {
    free: Arc<Semaphore>,
    /// The size of the whole pool, in units.
    capacity: u32,
}

/// A body's share of the budget, returned on drop.
#[derive(Debug)]
pub(crate) struct BudgetPermit {
    _units: Option<OwnedSemaphorePermit>,
}

/// Takes a body's share of the budget, if there is a budget.
///
/// # Errors
/// 503 if too little memory becomes free within 10 s.
pub(crate) async fn acquire(budget: Option<&BodyBudget>, bytes: usize) -> Result<Option<BudgetPermit>, ApiError> {
    match budget {
        Some(budget) => budget.acquire(bytes).await.map(Some),
        None => Ok(None),
    }
}

impl BodyBudget {
    /// A budget of `large` bytes for bodies with files, and of `small` bytes for bodies of at most 256 KB, which
    /// hold only fields.
    pub fn new(large: usize, small: usize) -> Self {
        Self { large: MemoryPool::new(large), small: MemoryPool::new(small) }
    }

    async fn acquire(&self, bytes: usize) -> Result<BudgetPermit, ApiError> {
        let (pool, bytes) = match bytes {
            _ if bytes <= MAX_FIELDS_BYTES => (&self.small, bytes),
            _ => (&self.large, bytes.saturating_add(READING_BYTES)),
        };
        match timeout(MAX_WAIT, Arc::clone(&pool.free).acquire_many_owned(pool.units(bytes))).await {
            // The semaphore is never closed. If it were, serving the request would still be right.
            Ok(permit) => Ok(BudgetPermit { _units: permit.ok() }),
            Err(_) => {
                tracing::warn!(bytes, "request refused: body memory exhausted");
                Err(ApiError::Unavailable)
            }
        }
    }
}

impl MemoryPool {
    fn new(bytes: usize) -> Self {
        let capacity = units(bytes);
        Self { free: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// The units of a body: never more than the whole pool, so that any body can be served alone.
    fn units(&self, bytes: usize) -> u32 {
        units(bytes).min(self.capacity)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_body_by_its_size_up_to_the_whole_pool() {
        let pool = MemoryPool::new(50_000_000);
        assert_eq!(pool.units(0), 0);
        assert_eq!(pool.units(1), 1);
        assert_eq!(pool.units(2_500_000), 2_500);
        assert_eq!(pool.units(usize::MAX), 50_000, "one caller can always be served");
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_wait_for_memory_and_small_ones_never_wait_for_large_ones() {
        let budget = BodyBudget::new(2_400_000, 1_000_000);
        let first = budget.acquire(1_500_000).await.expect("acquired");
        assert_eq!(budget.acquire(1_000_000).await.err(), Some(ApiError::Unavailable));
        let waiting = budget.acquire(1_000_000);
        let small = async {
            budget.acquire(200).await.expect("acquired at once");
            drop(first);
        };
        let (large, ()) = tokio::join!(waiting, small);
        large.expect("acquired once the first permit was dropped");
    }
}
