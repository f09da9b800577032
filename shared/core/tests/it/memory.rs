//! The ports in memory pass the contract suite.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::contract::{self, QueueUnderTest};
use cutline_core::testing::{MemoryBlobs, MemoryQueue, MemorySets, MemoryStore};
use cutline_core::{Clock, SystemClock};

#[tokio::test]
async fn jobs() {
    let store = MemoryStore::new();
    contract::jobs(&store, &store).await;
}

#[tokio::test]
async fn keys() {
    contract::keys(&MemoryStore::new()).await;
}

#[tokio::test]
async fn sets() {
    contract::sets(&MemorySets::new()).await;
}

#[tokio::test]
async fn blobs() {
    contract::blobs(&MemoryBlobs::new()).await;
}

#[tokio::test]
async fn queue() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let visibility = Duration::from_secs(1);
    let dead_letters = Arc::new(MemoryQueue::new(clock.clone(), visibility, u32::MAX, None));
    let queue = MemoryQueue::new(clock, visibility, 3, Some(dead_letters.clone()));
    let under_test = QueueUnderTest {
        queue: &queue,
        deliveries: &queue,
        dead_letters: &*dead_letters,
        visibility,
        max_receives: 3,
        exclusive: true,
    };
    contract::queue(under_test).await;
}
