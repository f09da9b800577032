//! Memory that pictures share while they are worked on at once.

use std::sync::{Condvar, Mutex, MutexGuard};

/// Of the memory that is free, the share that pictures may take. The rest is for the system, and for what an
/// estimate misses.
const SHARE: f64 = 0.8;

/// How much memory pictures may take together.
pub(super) struct Budget {
    whole: u64,
    free: Mutex<u64>,
    returned: Condvar,
}

impl Budget {
    /// A budget out of so many free bytes, or without a limit where nobody can tell.
    pub(super) fn new(free: Option<u64>) -> Self {
        // Never nothing: of nothing, everybody could have their part at once.
        let whole = free.map_or(u64::MAX, |free| (free as f64 * SHARE) as u64).max(1);
        Self { whole, free: Mutex::new(whole), returned: Condvar::new() }
    }

    /// Waits until `bytes` are free and takes them. A picture that needs more than there is takes all, so it
    /// is worked on alone: it may still fit, the estimate being one.
    pub(super) fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.whole);
        let mut free = self.lock();
        while *free < bytes {
            free = self.returned.wait(free).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        *free -= bytes;
        Share { budget: self, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.free.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What was taken of a budget. It goes back when this is dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.lock() += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn what_is_taken_at_once_never_exceeds_the_whole() {
        let budget = Budget::new(Some(1000));
        let (taken, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (budget, taken, most) = (&budget, &taken, &most);
                scope.spawn(move || {
                    for round in 0..50 {
                        let bytes = 100 + 60 * ((thread + round) % 10);
                        let share = budget.take(bytes);
                        let now = taken.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        taken.fetch_sub(bytes, Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 800);
        assert_eq!(*budget.lock(), 800, "everything went back");
    }

    #[test]
    fn without_free_memory_there_is_one_at_a_time() {
        let budget = Budget::new(Some(0));
        let share = budget.take(5000);
        assert_eq!(*budget.lock(), 0);
        drop(share);
    }

    #[test]
    fn what_needs_more_than_there_is_goes_alone() {
        let budget = Budget::new(Some(1000));
        let share = budget.take(5000);
        assert_eq!(*budget.lock(), 0);
        drop(share);
        assert_eq!(*budget.lock(), 800);
    }
}
