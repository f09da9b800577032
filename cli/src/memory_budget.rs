//! The memory that jobs share while they run at the same time.
//!
//! A job reserves its estimated peak before it runs, and waits while others hold too much. Reservations are granted in
//! the order of their requests, so that a large job is not starved by small ones behind it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The fraction of the free memory that jobs may reserve. The rest is for the system, and for errors of the estimates.
const USABLE: f64 = 0.8;

/// A budget of memory, in bytes.
pub(crate) struct MemoryBudget {
    total: u64,
    state: Mutex<BudgetState>,
    changed: Condvar,
}

struct BudgetState {
    free: u64,
    /// The tickets of waiting requests, in their order.
    waiting: VecDeque<u64>,
    next_ticket: u64,
}

impl MemoryBudget {
    /// A budget out of `free` bytes of free memory. Without a limit if the free memory is unknown.
    pub(crate) fn new(free: Option<u64>) -> Arc<Self> {
        // At least 1: with an empty budget every job would fit at once.
        let total = free.map_or(u64::MAX, |free| (free as f64 * USABLE) as u64).max(1);
        let state = BudgetState { free: total, waiting: VecDeque::new(), next_ticket: 0 };
        Arc::new(Self { total, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// Reserves `bytes`, and blocks until they are free. A job that needs more than the budget reserves all of it and
    /// runs alone: the estimate may be too high.
    ///
    /// Returns `None` if the bytes are not free within `max_wait`.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64, max_wait: Option<Duration>) -> Option<Reservation> {
        let bytes = bytes.min(self.total);
        let deadline = max_wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        while state.waiting.front() != Some(&ticket) || state.free < bytes {
            let Some(deadline) = deadline else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting.retain(|waiting| *waiting != ticket);
                self.changed.notify_all();
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.pop_front();
        state.free -= bytes;
        // The next request may fit too.
        self.changed.notify_all();
        Some(Reservation { budget: Arc::clone(self), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, BudgetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reserved memory. Dropping it returns the memory to the budget.
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl Reservation {
    /// Returns all but `bytes` to the budget.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let returned = self.bytes.saturating_sub(bytes);
        self.bytes -= returned;
        self.give_back(returned);
    }

    fn give_back(&self, bytes: u64) {
        self.budget.lock().free += bytes;
        self.budget.changed.notify_all();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn reserve(budget: &Arc<MemoryBudget>, bytes: u64) -> Reservation {
        budget.reserve(bytes, None).expect("waits without a limit")
    }

    #[test]
    fn reservations_never_exceed_the_budget() {
        let budget = MemoryBudget::new(Some(1000));
        let (reserved, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (budget, reserved, peak) = (&budget, &reserved, &peak);
                scope.spawn(move || {
                    for round in 0..50 {
                        let bytes = 100 + 60 * ((thread + round) % 10);
                        let reservation = reserve(budget, bytes);
                        let now = reserved.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        peak.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        reserved.fetch_sub(bytes, Ordering::SeqCst);
                        drop(reservation);
                    }
                });
            }
        });
        assert!(peak.load(Ordering::SeqCst) <= 800);
        assert_eq!(budget.lock().free, 800, "everything was returned");
    }

    #[test]
    fn without_free_memory_jobs_run_one_at_a_time() {
        let budget = MemoryBudget::new(Some(0));
        let reservation = reserve(&budget, 5000);
        assert_eq!(budget.lock().free, 0);
        drop(reservation);
    }

    #[test]
    fn a_job_larger_than_the_budget_runs_alone() {
        let budget = MemoryBudget::new(Some(1000));
        let reservation = reserve(&budget, 5000);
        assert_eq!(budget.lock().free, 0);
        assert!(budget.reserve(1, Some(Duration::ZERO)).is_none());
        drop(reservation);
        assert_eq!(budget.lock().free, 800);
    }

    #[test]
    fn a_large_job_is_not_overtaken_by_small_ones() {
        let budget = MemoryBudget::new(Some(1000));
        let first = reserve(&budget, 500);
        std::thread::scope(|scope| {
            let large = scope.spawn(|| reserve(&budget, 600));
            while budget.lock().waiting.is_empty() {
                std::thread::yield_now();
            }
            assert!(budget.reserve(100, Some(Duration::ZERO)).is_none(), "100 are free, and the large job is first");
            drop(first);
            drop(large.join().expect("does not panic"));
        });
        assert!(budget.reserve(100, Some(Duration::ZERO)).is_some());
    }

    #[test]
    fn a_request_that_timed_out_does_not_block_the_next() {
        let budget = MemoryBudget::new(Some(1000));
        let mut held = reserve(&budget, 500);
        assert!(budget.reserve(600, Some(Duration::from_millis(1))).is_none());
        assert!(budget.reserve(300, Some(Duration::ZERO)).is_some());
        held.shrink_to(200);
        assert_eq!(budget.lock().free, 600);
        drop(held);
        assert_eq!(budget.lock().free, 800);
    }
}
