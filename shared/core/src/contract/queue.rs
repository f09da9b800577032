//! What [`Queue`] and [`Deliveries`] promise. Time is real here, since a queue over HTTP has its own.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::sleep;

use crate::domain::message::Message;
use crate::ports::{Deliveries, Delivery, Queue, Receipt};
use crate::ports::{Ids, SystemIds};

/// A queue with nothing in it and no other worker, with short times, so that the test need not wait long.
#[derive(Clone, Copy)]
pub struct QueueUnderTest<'a> {
    /// Where messages are sent.
    pub queue: &'a dyn Queue,
    /// Where they come out.
    pub deliveries: &'a dyn Deliveries,
    /// Where they go after `max_receives`.
    pub dead_letters: &'a dyn Deliveries,
    /// The visibility timeout; one to three seconds.
    pub visibility: Duration,
    /// How often a message is delivered; at least 2.
    pub max_receives: u32,
    /// Whether a message never goes to two workers at once. SQS promises it nearly: its standard queues may now
    /// and then deliver a message twice.
    pub exclusive: bool,
}

/// How long a thing that should happen is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Checks a queue.
pub async fn queue(under_test: QueueUnderTest<'_>) {
    under_test.a_message_is_delivered_and_deleted().await;
    under_test.a_delayed_message_comes_later().await;
    under_test.an_undeleted_message_comes_again().await;
    under_test.a_deferred_message_comes_when_it_should().await;
    under_test.a_message_goes_to_one_worker_at_a_time().await;
    under_test.a_spent_message_goes_to_the_dead_letters().await;
}

impl QueueUnderTest<'_> {
    async fn send(&self, delay: Duration) -> Message {
        let message = Message { job_id: SystemIds.job() };
        self.queue.send(&message, delay).await.expect("send");
        message
    }

    /// The next message of `from`, or `None` where none comes within `patience`.
    async fn next(&self, from: &dyn Deliveries, patience: Duration) -> Option<Delivery> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let mut got = from.receive(1, Duration::from_millis(500)).await.expect("receive");
            assert!(got.len() <= 1, "no more than asked for");
            if let Some(delivery) = got.pop() {
                return Some(delivery);
            }
            if tokio::time::Instant::now() >= deadline {
                return None;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn expect(&self, message: &Message, why: &str) -> Delivery {
        let delivery = self.next(self.deliveries, PATIENCE).await.unwrap_or_else(|| panic!("{why}: nothing came"));
        assert_eq!(delivery.body, message.body(), "{why}");
        delivery
    }

    async fn expect_nothing(&self, why: &str) {
        let got = self.deliveries.receive(10, Duration::ZERO).await.expect("receive");
        assert!(got.is_empty(), "{why}: {got:?}");
    }

    async fn delete(&self, delivery: &Delivery) {
        self.deliveries.delete(&delivery.receipt).await.expect("delete");
    }

    async fn a_message_is_delivered_and_deleted(&self) {
        self.expect_nothing("an empty queue").await;
        let message = self.send(Duration::ZERO).await;
        let delivery = self.expect(&message, "a message that was sent").await;
        assert_eq!(delivery.receive_count, 1);
        self.delete(&delivery).await;
        self.deliveries.delete(&delivery.receipt).await.expect("deleting again is no error");
        self.deliveries.defer(&delivery.receipt, Duration::ZERO).await.expect("deferring what is gone is no error");
        sleep(self.visibility + Duration::from_millis(500)).await;
        self.expect_nothing("a deleted message does not come again").await;
    }

    async fn a_delayed_message_comes_later(&self) {
        let message = self.send(Duration::from_secs(2)).await;
        self.expect_nothing("a delayed message").await;
        let delivery = self.expect(&message, "a delayed message comes in the end").await;
        self.delete(&delivery).await;
    }

    async fn an_undeleted_message_comes_again(&self) {
        let message = self.send(Duration::ZERO).await;
        let first = self.expect(&message, "the first delivery").await;
        self.expect_nothing("hidden while a worker has it").await;
        let second = self.expect(&message, "the visibility timeout has passed").await;
        assert_eq!(second.receive_count, 2);
        assert_ne!(second.receipt, first.receipt, "each delivery has its own receipt");
        self.delete(&second).await;
    }

    async fn a_deferred_message_comes_when_it_should(&self) {
        let message = self.send(Duration::ZERO).await;
        let first = self.expect(&message, "the first delivery").await;
        self.deliveries.defer(&first.receipt, Duration::ZERO).await.expect("defer");
        let second = self.expect(&message, "deferred by nothing").await;
        let longer = self.visibility + Duration::from_secs(3);
        self.deliveries.defer(&second.receipt, longer).await.expect("defer");
        sleep(self.visibility + Duration::from_millis(700)).await;
        self.expect_nothing("deferred for longer than the visibility timeout").await;
        let third = self.expect(&message, "the deferral has passed").await;
        self.delete(&third).await;
    }

    async fn a_message_goes_to_one_worker_at_a_time(&self) {
        let mut sent = HashSet::new();
        for _ in 0..12 {
            sent.insert(self.send(Duration::ZERO).await.body());
        }
        let mut got: Vec<Delivery> = Vec::new();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut bodies = HashSet::new();
        while bodies.len() < sent.len() && tokio::time::Instant::now() < deadline {
            let (a, b) = tokio::join!(
                self.deliveries.receive(10, Duration::from_millis(100)),
                self.deliveries.receive(10, Duration::from_millis(100))
            );
            for delivery in a.expect("receive").into_iter().chain(b.expect("receive")) {
                self.delete(&delivery).await;
                bodies.insert(delivery.body.clone());
                got.push(delivery);
            }
        }
        assert_eq!(bodies, sent, "every message came");
        if self.exclusive {
            let receipts: HashSet<Receipt> = got.iter().map(|delivery| delivery.receipt.clone()).collect();
            assert_eq!(receipts.len(), sent.len(), "and to one worker each");
        }
    }

    async fn a_spent_message_goes_to_the_dead_letters(&self) {
        let message = self.send(Duration::ZERO).await;
        for count in 1..=self.max_receives {
            let delivery = self.expect(&message, "a delivery").await;
            assert_eq!(delivery.receive_count, count);
            self.deliveries.defer(&delivery.receipt, Duration::ZERO).await.expect("defer");
        }
        self.expect_nothing("a message that was delivered as often as it may be").await;
        let dead = self.next(self.dead_letters, PATIENCE).await.expect("a dead letter");
        assert_eq!(dead.body, message.body());
        self.dead_letters.delete(&dead.receipt).await.expect("delete");
    }
}
