//! The ports in memory pass the contract suite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::Clock;
use cutline_core::contract::{self, DropSite, QueueUnderTest, SetLimit};
use cutline_core::domain::drops::{DropPath, DroppedObject};
use cutline_core::domain::job::JobStage;
use cutline_core::testing::{MemoryBlobs, MemoryDropFiles, MemoryQueue, MemorySets, MemoryStore};
use jiff::Timestamp;
use tokio::time::Instant;

/// The time of a runtime whose clock is paused. Waits take no time, and a busy machine delays nothing.
struct RuntimeClock {
    begun: Instant,
}

impl RuntimeClock {
    fn start() -> Arc<dyn Clock> {
        Arc::new(Self { begun: Instant::now() })
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        let milliseconds = i64::try_from(self.begun.elapsed().as_millis()).expect("a short time");
        Timestamp::from_millisecond(1_780_000_000_000 + milliseconds).expect("a time")
    }
}

#[tokio::test]
async fn jobs() {
    let store = MemoryStore::new();
    contract::jobs(&store, &store).await;
}

#[tokio::test]
async fn job_lists() {
    contract::job_lists(&MemoryStore::new()).await;
}

#[tokio::test]
async fn job_files() {
    let blobs = MemoryBlobs::new();
    contract::job_files(&blobs, &blobs).await;
}

#[tokio::test]
async fn keys() {
    contract::keys(&MemoryStore::new()).await;
}

#[tokio::test]
async fn owner_webhooks() {
    let store = MemoryStore::new();
    contract::owner_webhooks(&store, &store).await;
}

#[tokio::test(start_paused = true)]
async fn report_queue() {
    let visibility = Duration::from_secs(1);
    let queue = MemoryQueue::new(RuntimeClock::start(), visibility, u32::MAX, None);
    contract::report_queue(&queue, &queue, visibility).await;
}

#[tokio::test]
async fn rate_counters() {
    contract::rate_counters(&MemoryStore::new()).await;
}

#[tokio::test]
async fn usage() {
    let store = MemoryStore::new();
    contract::usage(&store, &store).await;
}

#[tokio::test]
async fn audit() {
    let store = MemoryStore::new();
    contract::audit(&store, &store, &store).await;
}

#[tokio::test]
async fn sets() {
    contract::sets(&MemorySets::new(), SetLimit::Exact).await;
}

#[tokio::test]
async fn blobs() {
    contract::blobs(&MemoryBlobs::new()).await;
}

#[tokio::test]
async fn identities() {
    let store = MemoryStore::new();
    contract::identities(&store, &store, &store).await;
}

#[tokio::test]
async fn equal_requests() {
    let store = Arc::new(MemoryStore::new());
    contract::equal_requests(store.clone(), store.clone(), store).await;
}

#[tokio::test]
async fn storage_usage() {
    let store = MemoryStore::new();
    contract::storage_usage(&store, &store, &store).await;
}

struct Memory(MemoryDropFiles);

#[async_trait]
impl DropSite for Memory {
    async fn put(&self, path: &DropPath, bytes: Bytes) -> DroppedObject {
        self.0.put(path.clone(), bytes)
    }
    async fn remove(&self, path: &DropPath) {
        self.0.remove(path.as_str());
    }
    async fn result(&self, key: &str) -> Option<Bytes> {
        self.0.get(key)
    }
}

#[tokio::test]
async fn drop_files() {
    let blobs = Arc::new(MemoryBlobs::new());
    let memory = Memory(MemoryDropFiles::new(blobs.clone()));
    contract::drop_files(&memory.0, blobs.as_ref(), &memory).await;
}

#[tokio::test(start_paused = true)]
async fn queue() {
    let clock = RuntimeClock::start();
    let visibility = Duration::from_secs(1);
    let dead_letters = Arc::new(MemoryQueue::new(clock.clone(), visibility, u32::MAX, None));
    let queue = Arc::new(MemoryQueue::new(clock, visibility, 3, Some(dead_letters.clone())));
    let (make, intake) = (queue.at(JobStage::Make), queue.at(JobStage::Intake));
    let under_test = QueueUnderTest {
        queue: &*queue,
        deliveries: &make,
        intake: &intake,
        dead_letters: &*dead_letters,
        visibility,
        max_receives: 3,
        exclusive: true,
    };
    contract::queue(under_test).await;
}
