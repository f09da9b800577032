//! The contract of [`Deliveries`], whatever the messages are. These tests wait in real time, since a remote queue has its own
//! clock. Times are short, so a busy machine may be too late to see that a message is hidden. Such a check is begun again.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use crate::ports::{Deliveries, Delivery};

/// How long a test waits for something that should happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How often a check is begun on a machine that is too slow for it.
const TRIES: usize = 20;

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

/// Runs a check until the machine is fast enough for it. The check returns false if it was too slow to prove anything.
pub(super) async fn in_time(check: impl AsyncFn() -> bool) {
    for _ in 0..TRIES {
        if check().await {
            return;
        }
    }
    panic!("the machine was too slow {TRIES} times");
}

impl DeliveriesUnderTest<'_> {
    /// Checks how messages are delivered, delayed, deferred and deleted.
    pub(super) async fn check(&self) {
        self.messages_are_delivered_and_deleted().await;
        in_time(async || self.delayed_messages_arrive_later().await).await;
        in_time(async || self.undeleted_messages_are_delivered_again().await).await;
        in_time(async || self.deferred_messages_arrive_on_time().await).await;
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

    /// Checks that nothing comes while the only message is hidden: for this time, from `since` or later. Returns false if
    /// the machine was too slow to look before the end of that time. The message is deleted then.
    async fn stays_hidden(&self, since: Instant, time: Duration, why: &str) -> bool {
        let got = self.deliveries.receive(10, Duration::ZERO).await.expect("receive");
        assert!(got.is_empty() || since.elapsed() >= time, "{why}: {got:?}");
        for delivery in &got {
            self.delete(delivery).await;
        }
        got.is_empty()
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

    async fn delayed_messages_arrive_later(&self) -> bool {
        let (sent, delay) = (Instant::now(), Duration::from_secs(2));
        let body = self.sender.send(delay).await;
        if !self.stays_hidden(sent, delay, "a delayed message").await {
            return false;
        }
        let delivery = self.expect(&body, "after the delay").await;
        self.delete(&delivery).await;
        true
    }

    async fn undeleted_messages_are_delivered_again(&self) -> bool {
        let sent = Instant::now();
        let body = self.sender.send(Duration::ZERO).await;
        let first = self.expect(&body, "the first delivery").await;
        if !self.stays_hidden(sent, self.visibility, "hidden during the visibility timeout").await {
            return false;
        }
        let second = self.expect(&body, "the visibility timeout has passed").await;
        assert_eq!(second.receive_count, 2);
        assert_ne!(second.receipt, first.receipt, "each delivery has its own receipt");
        self.delete(&second).await;
        true
    }

    async fn deferred_messages_arrive_on_time(&self) -> bool {
        let body = self.sender.send(Duration::ZERO).await;
        let first = self.expect(&body, "the first delivery").await;
        self.deliveries.defer(&first.receipt, Duration::ZERO).await.expect("defer");
        let second = self.expect(&body, "deferred by zero").await;
        let (deferred, longer) = (Instant::now(), self.visibility + Duration::from_secs(3));
        self.deliveries.defer(&second.receipt, longer).await.expect("defer");
        sleep(self.visibility + Duration::from_millis(700)).await;
        if !self.stays_hidden(deferred, longer, "deferred for longer than the visibility timeout").await {
            return false;
        }
        let third = self.expect(&body, "the deferral has passed").await;
        self.delete(&third).await;
        true
    }
}
