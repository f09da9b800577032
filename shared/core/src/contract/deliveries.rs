//! The contract of [`Deliveries`], whatever the messages are. These tests wait in real time, since a remote queue has its own
//! clock.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use crate::ports::{Deliveries, Delivery};

/// How long a test waits for something that should happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The sending side of a queue.
#[async_trait]
pub(super) trait Sender: Sync {
    /// Sends a new message, and returns its body.
    async fn send(&self, delay: Duration) -> String;

    /// Checks the parsed content of a message from this sender.
    fn check(&self, delivery: &Delivery);
}

/// An empty queue without other workers.
#[derive(Clone, Copy)]
pub(super) struct DeliveriesUnderTest<'a> {
    pub(super) sender: &'a dyn Sender,
    pub(super) deliveries: &'a dyn Deliveries,
    /// The visibility timeout; one to three seconds.
    pub(super) visibility: Duration,
}

/// The next message of a queue, or `None` if none arrives within `patience`.
pub(super) async fn next(from: &dyn Deliveries, patience: Duration) -> Option<Delivery> {
    let deadline = Instant::now() + patience;
    loop {
        let mut got = from.receive(1, Duration::from_millis(500)).await.expect("receive");
        assert!(got.len() <= 1, "at most `max` messages");
        if let Some(delivery) = got.pop() {
            return Some(delivery);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

impl DeliveriesUnderTest<'_> {
    /// Checks how messages are delivered, delayed, deferred and deleted.
    pub(super) async fn check(&self) {
        self.messages_are_delivered_and_deleted().await;
        self.delayed_messages_arrive_later().await;
        self.undeleted_messages_are_delivered_again().await;
        self.deferred_messages_arrive_on_time().await;
    }

    /// The next message, which has this body.
    pub(super) async fn expect(&self, body: &str, why: &str) -> Delivery {
        let delivery = next(self.deliveries, PATIENCE).await.unwrap_or_else(|| panic!("{why}: nothing came"));
        assert_eq!(delivery.body, body, "{why}");
        self.sender.check(&delivery);
        delivery
    }

    pub(super) async fn expect_nothing(&self, why: &str) {
        let got = self.deliveries.receive(10, Duration::ZERO).await.expect("receive");
        assert!(got.is_empty(), "{why}: {got:?}");
    }

    pub(super) async fn delete(&self, delivery: &Delivery) {
        self.deliveries.delete(&delivery.receipt).await.expect("delete");
    }

    async fn messages_are_delivered_and_deleted(&self) {
        self.expect_nothing("an empty queue").await;
        let body = self.sender.send(Duration::ZERO).await;
        let delivery = self.expect(&body, "a sent message").await;
        assert_eq!(delivery.receive_count, 1);
        self.delete(&delivery).await;
        self.deliveries.delete(&delivery.receipt).await.expect("deleting twice succeeds");
        self.deliveries.defer(&delivery.receipt, Duration::ZERO).await.expect("deferring a deleted message succeeds");
        sleep(self.visibility + Duration::from_millis(500)).await;
        self.expect_nothing("a deleted message is not delivered again").await;
    }

    async fn delayed_messages_arrive_later(&self) {
        let body = self.sender.send(Duration::from_secs(2)).await;
        self.expect_nothing("a delayed message").await;
        let delivery = self.expect(&body, "after the delay").await;
        self.delete(&delivery).await;
    }

    async fn undeleted_messages_are_delivered_again(&self) {
        let body = self.sender.send(Duration::ZERO).await;
        let first = self.expect(&body, "the first delivery").await;
        self.expect_nothing("hidden during the visibility timeout").await;
        let second = self.expect(&body, "the visibility timeout has passed").await;
        assert_eq!(second.receive_count, 2);
        assert_ne!(second.receipt, first.receipt, "each delivery has its own receipt");
        self.delete(&second).await;
    }

    async fn deferred_messages_arrive_on_time(&self) {
        let body = self.sender.send(Duration::ZERO).await;
        let first = self.expect(&body, "the first delivery").await;
        self.deliveries.defer(&first.receipt, Duration::ZERO).await.expect("defer");
        let second = self.expect(&body, "deferred by zero").await;
        let longer = self.visibility + Duration::from_secs(3);
        self.deliveries.defer(&second.receipt, longer).await.expect("defer");
        sleep(self.visibility + Duration::from_millis(700)).await;
        self.expect_nothing("deferred for longer than the visibility timeout").await;
        let third = self.expect(&body, "the deferral has passed").await;
        self.delete(&third).await;
    }
}
