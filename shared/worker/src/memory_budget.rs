//! The memory that runs share while they run at the same time.
//!
//! A run reserves its estimated peak before it starts, and waits while others hold too much. Reservations are granted in
//! the order of their requests, so that a large run is not starved by small ones behind it.

use std::sync::Arc;

use bytes::Bytes;
use cutline_core::ports::PipelineOutput;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The fraction of the free memory that runs may reserve. The rest is for the system, and for errors of the estimates.
const USABLE: f64 = 0.8;
/// The unit of reservations, in bytes: the semaphore counts in 32 bits.
const UNIT: u64 = 1 << 20;

/// A budget of memory.
#[derive(Debug)]
pub struct MemoryBudget {
    /// All of it, in units.
    total: u32,
    free: Arc<Semaphore>,
}

impl MemoryBudget {
    /// A budget out of `free` bytes of free memory. Without a limit if the free memory is unknown.
    pub fn new(free: Option<u64>) -> Arc<Self> {
        let usable = free.map_or(u64::MAX, |free| (free as f64 * USABLE) as u64);
        // At least 1: with an empty budget every run would fit at once. Tokio's semaphores hold 2^29 on 32 bits.
        let total = (usable / UNIT).clamp(1, 1 << 28) as u32;
        Arc::new(Self { total, free: Arc::new(Semaphore::new(total as usize)) })
    }

    /// Reserves `bytes`, and waits until they are free. A run that needs more than the budget reserves all of it and runs
    /// alone: the estimate may be too high.
    pub async fn reserve(&self, bytes: u64) -> Reservation {
        let units = units(bytes).min(self.total);
        // The semaphore is never closed.
        Reservation(Arc::clone(&self.free).acquire_many_owned(units).await.ok())
    }

    /// All bytes, whether they are free or not.
    pub fn total_bytes(&self) -> u64 {
        u64::from(self.total) * UNIT
    }

    /// The bytes that are free now.
    pub fn free_bytes(&self) -> u64 {
        self.free.available_permits() as u64 * UNIT
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Reserved memory. Dropping it returns the memory to the budget.
#[derive(Debug)]
pub struct Reservation(Option<OwnedSemaphorePermit>);

impl Reservation {
    /// Returns all but `bytes` to the budget.
    pub fn shrink_to(&mut self, bytes: u64) {
        if let Some(permit) = &mut self.0 {
            let returned = permit.num_permits().saturating_sub(units(bytes) as usize);
            drop(permit.split(returned));
        }
    }
}

/// Keeps as much of the reservation as the files take, until the last of them is dropped: they stay in memory until
/// they are stored.
pub(crate) fn keep_while_in_use(mut output: PipelineOutput, mut reservation: Reservation) -> PipelineOutput {
    let pictures = output.pictures.iter_mut().map(|picture| &mut picture.bytes);
    let files: Vec<&mut Bytes> = pictures.chain(output.assets.iter_mut().map(|asset| &mut asset.bytes)).collect();
    reservation.shrink_to(files.iter().map(|file| file.len() as u64).sum());
    let reservation = Arc::new(reservation);
    for file in files {
        let bytes = std::mem::take(file);
        *file = Bytes::from_owner(ReservedBytes { bytes, _reservation: Arc::clone(&reservation) });
    }
    output
}

/// A file and the reservation for it.
struct ReservedBytes {
    bytes: Bytes,
    _reservation: Arc<Reservation>,
}

impl AsRef<[u8]> for ReservedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cutline_core::ports::EncodedPicture;
    use cutline_core::{Confidence, OutputFormat, Variation, Warnings};
    use tokio::time::timeout;

    use super::*;

    const MB: u64 = 1 << 20;

    async fn now(budget: &MemoryBudget, bytes: u64) -> Option<Reservation> {
        timeout(Duration::ZERO, budget.reserve(bytes)).await.ok()
    }

    #[tokio::test]
    async fn a_run_larger_than_the_budget_runs_alone() {
        for (free, total) in [(1000 * MB, 800 * MB), (0, MB)] {
            let budget = MemoryBudget::new(Some(free));
            let reservation = budget.reserve(5000 * MB).await;
            assert_eq!(budget.free_bytes(), 0);
            assert!(now(&budget, 1).await.is_none());
            drop(reservation);
            assert_eq!(budget.free_bytes(), total);
        }
        assert!(MemoryBudget::new(None).free_bytes() > 1 << 40);
    }

    #[tokio::test]
    async fn a_large_run_is_not_overtaken_by_small_ones() {
        let budget = MemoryBudget::new(Some(1000 * MB));
        let first = budget.reserve(500 * MB).await;
        let large = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.reserve(600 * MB).await }
        });
        tokio::task::yield_now().await;
        assert!(now(&budget, 100 * MB).await.is_none(), "300 MB are free, and the large run is first");
        drop(first);
        drop(large.await.expect("reserves"));
        assert!(now(&budget, 100 * MB).await.is_some());
    }

    #[tokio::test]
    async fn a_request_that_was_given_up_does_not_block_the_next() {
        let budget = MemoryBudget::new(Some(1000 * MB));
        let mut held = budget.reserve(500 * MB).await;
        assert!(now(&budget, 600 * MB).await.is_none());
        assert!(now(&budget, 300 * MB).await.is_some());
        held.shrink_to(200 * MB);
        assert_eq!(budget.free_bytes(), 600 * MB);
        held.shrink_to(300 * MB);
        assert_eq!(budget.free_bytes(), 600 * MB, "never grows");
    }

    #[tokio::test]
    async fn files_keep_their_share_until_the_last_copy_is_dropped() {
        let budget = MemoryBudget::new(Some(1000 * MB));
        let bytes = Bytes::from(vec![7; 300 << 20]);
        let (variation, format) = (Variation::Background, OutputFormat::Png.into());
        let output = PipelineOutput {
            pictures: vec![EncodedPicture { variation, format, bytes, width: 1, height: 1 }],
            final_picture: variation,
            assets: Vec::new(),
            confidence: Confidence::nearest(1.0),
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Warnings::new(),
            ignored: Vec::new(),
        };
        let output = keep_while_in_use(output, budget.reserve(700 * MB).await);
        assert_eq!((output.pictures[0].bytes.len(), output.pictures[0].bytes[0]), (300 << 20, 7));
        assert_eq!(budget.free_bytes(), 500 * MB);
        let copy = output.pictures[0].bytes.clone();
        drop(output);
        assert_eq!(budget.free_bytes(), 500 * MB, "a copy shares the memory");
        drop(copy);
        assert_eq!(budget.free_bytes(), 800 * MB);
    }
}
