//! The cap on the bytes of an owner's files.
//!
//! A job counts with [`Job::stored_bytes`](crate::domain::job::Job::stored_bytes) for as long as its record is stored:
//! its source and mask from its acceptance, a fetched source, backdrop or mask from the next write after the fetch, its
//! results from its end. A deleted job counts until its files are deleted. A source is admitted before it is stored. Between admission and the job's record, it is counted as reserved,
//! so concurrent uploads do not exceed the cap together.
//!
//! The cap applies to what is accepted. A job that was accepted is finished, even if its results exceed the cap; the
//! owner's next job is then refused.
//!
//! Reservations are in memory, so this works where one process accepts all jobs. A killed process leaves none behind.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::OwnerId;
use crate::ports::{PortError, StorageUsage};

/// The same cap for every owner. Clones share their reservations.
#[derive(Clone)]
pub struct StorageCap {
    max_bytes: u64,
    usage: Arc<dyn StorageUsage>,
    reserved: Arc<Reserved>,
}

/// The bytes of sources on their way into a job's record, by owner.
#[derive(Debug, Default)]
struct Reserved(Mutex<HashMap<OwnerId, u64>>);

/// A source that fits, until this value is dropped.
#[derive(Debug)]
#[must_use = "dropping a reservation ends it"]
pub struct Reservation {
    reserved: Arc<Reserved>,
    owner: OwnerId,
    bytes: u64,
}

/// A source does not fit under the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("storage full: {used_bytes} of {max_bytes} bytes are in use")]
pub struct StorageFull {
    /// The cap.
    pub max_bytes: u64,
    /// The bytes of the owner's files, and of its uploads in progress.
    pub used_bytes: u64,
}

/// A source was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// It does not fit.
    #[error(transparent)]
    Full(#[from] StorageFull),
    /// The bytes of the owner's files could not be counted.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl StorageCap {
    /// A cap of `max_bytes` for each owner in `usage`.
    pub fn new(max_bytes: u64, usage: Arc<dyn StorageUsage>) -> Self {
        Self { max_bytes, usage, reserved: Arc::default() }
    }

    /// The most bytes that an owner's files may have.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Admits a source of this many bytes; 0 for one that is not fetched yet, which is refused only if nothing more
    /// fits. The caller keeps the reservation until the job's record is stored.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub async fn reserve(&self, owner: &OwnerId, bytes: u64) -> Result<Reservation, ReserveError> {
        let (reservation, others) = Reservation::make(&self.reserved, owner, bytes);
        // Read last: a reservation that has ended by now is in this number, because its record was stored before. One
        // that ends meanwhile may be counted twice, which refuses too much rather than too little.
        let stored = self.usage.stored_bytes(owner).await?;
        let used_bytes = stored.saturating_add(others);
        match self.max_bytes.checked_sub(used_bytes) {
            Some(room) if room > 0 && bytes <= room => Ok(reservation),
            Some(_) | None => Err(StorageFull { max_bytes: self.max_bytes, used_bytes }.into()),
        }
    }
}

impl Reserved {
    fn lock(&self) -> MutexGuard<'_, HashMap<OwnerId, u64>> {
        // Every change is one addition or subtraction, so a panic cannot leave half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Reserves the bytes, and returns how many were reserved for this owner before.
    fn make(reserved: &Arc<Reserved>, owner: &OwnerId, bytes: u64) -> (Self, u64) {
        let mut by_owner = reserved.lock();
        let total = by_owner.entry(owner.clone()).or_default();
        let others = *total;
        *total = total.saturating_add(bytes);
        (Self { reserved: Arc::clone(reserved), owner: owner.clone(), bytes }, others)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut by_owner = self.reserved.lock();
        if let Entry::Occupied(mut total) = by_owner.entry(self.owner.clone()) {
            *total.get_mut() = total.get().saturating_sub(self.bytes);
            if *total.get() == 0 {
                total.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;

    /// The same number of stored bytes for every owner.
    struct Stored(AtomicU64);

    #[async_trait]
    impl StorageUsage for Stored {
        async fn stored_bytes(&self, _: &OwnerId) -> Result<u64, PortError> {
            Ok(self.0.load(Ordering::SeqCst))
        }
    }

    fn owner(name: &str) -> OwnerId {
        name.parse().expect("an owner")
    }

    fn cap(max_bytes: u64, stored: u64) -> (StorageCap, Arc<Stored>) {
        let stored = Arc::new(Stored(AtomicU64::new(stored)));
        (StorageCap::new(max_bytes, stored.clone()), stored)
    }

    #[tokio::test]
    async fn admits_exactly_what_fits() {
        // Cap, stored bytes, bytes of the source, whether it fits.
        let cases = [
            (100, 0, 100, true),
            (100, 0, 101, false),
            (100, 40, 60, true),
            (100, 40, 61, false),
            (100, 99, 0, true),
            (100, 100, 0, false),
            (100, 250, 0, false),
            (u64::MAX, 5, u64::MAX, false),
            (u64::MAX, 5, u64::MAX - 5, true),
        ];
        for (max, stored, bytes, fits) in cases {
            let result = cap(max, stored).0.reserve(&owner("a"), bytes).await;
            match result {
                Ok(_) => assert!(fits, "{max} {stored} {bytes}"),
                Err(ReserveError::Full(full)) => {
                    assert!(!fits, "{max} {stored} {bytes}");
                    assert_eq!(full, StorageFull { max_bytes: max, used_bytes: stored });
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn uploads_in_progress_count_until_they_end() {
        let (cap, stored) = cap(100, 0);
        let (a, b) = (owner("a"), owner("b"));
        let first = cap.reserve(&a, 60).await.expect("fits");
        let refused = cap.clone().reserve(&a, 41).await.expect_err("does not fit next to the first");
        assert!(matches!(refused, ReserveError::Full(StorageFull { used_bytes: 60, .. })), "{refused:?}");
        let second = cap.reserve(&a, 40).await.expect("a refused source reserves nothing");
        let other = cap.reserve(&b, 100).await.expect("another owner's");
        drop(first);
        stored.0.store(60, Ordering::SeqCst);
        assert!(cap.reserve(&a, 1).await.is_err(), "the first is stored now");
        drop((second, other));
        assert!(cap.reserve(&a, 40).await.is_ok(), "the second was never stored");
        assert!(cap.reserved.lock().is_empty(), "nothing is left behind");
    }
}
