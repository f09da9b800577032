//! The contracts of [`Queue`] and [`Deliveries`]. These tests wait in real time, since a remote queue has its own clock.
//! Times are short, so a busy machine may be too late to see that a message is hidden. Such a check is begun again.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::samples;
use crate::domain::ids::OwnerId;
use crate::domain::job::Route;
use crate::domain::lane::Lane;
use crate::domain::message::Message;
use crate::domain::work_request::WorkRequest;
use crate::ports::{Deliveries, Delivery, Destination, Queue, Receipt};
use crate::ports::{Ids, SystemIds};

/// An empty queue without other workers, with short timeouts to keep the test fast.
#[derive(Clone, Copy)]
pub struct QueueUnderTest<'a> {
    /// The sending side.
    pub queue: &'a dyn Queue,
    /// The receiving side of both lanes at the stage `make`.
    pub deliveries: &'a dyn Deliveries,
    /// The receiving side of both lanes at intake.
    pub intake: &'a dyn Deliveries,
    /// Where messages go after `max_receives` deliveries.
    pub dead_letters: &'a dyn Deliveries,
    /// The visibility timeout; one to three seconds.
    pub visibility: Duration,
    /// How often a message is delivered before it is dead-lettered; at least 2.
    pub max_receives: u32,
    /// Whether the queue never delivers a message to two workers at once. SQS standard queues rarely do.
    pub exclusive: bool,
}

/// How long the test waits for something that should happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a check is begun on a machine that is too slow for it.
const TRIES: usize = 20;

/// Checks a queue.
pub async fn queue(under_test: QueueUnderTest<'_>) {
    under_test.messages_are_delivered_and_deleted().await;
    in_time(async || under_test.delayed_messages_arrive_later().await).await;
    in_time(async || under_test.undeleted_messages_are_delivered_again().await).await;
    in_time(async || under_test.deferred_messages_arrive_on_time().await).await;
    in_time(async || under_test.messages_go_to_one_worker_at_a_time().await).await;
    under_test.spent_messages_are_dead_lettered().await;
    under_test.every_lane_and_stage_has_a_queue().await;
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

impl QueueUnderTest<'_> {
    async fn send(&self, delay: Duration) -> Message {
        self.send_to(Route::ALL[0], &samples::owner(), delay).await
    }

    async fn send_to(&self, route: Route, owner: &OwnerId, delay: Duration) -> Message {
        let message = Message { job_id: SystemIds.job() };
        self.queue.send(&message, Destination { route, owner }, delay).await.expect("send");
        message
    }

    /// The next message of `from`, or `None` if none arrives within `patience`.
    async fn next(&self, from: &dyn Deliveries, patience: Duration) -> Option<Delivery> {
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

    async fn expect(&self, message: &Message, why: &str) -> Delivery {
        let delivery = self.next(self.deliveries, PATIENCE).await.unwrap_or_else(|| panic!("{why}: nothing came"));
        assert_eq!(delivery.body, message.body(), "{why}");
        assert_eq!(delivery.request, WorkRequest::Job(*message), "{why}");
        delivery
    }

    async fn expect_nothing(&self, why: &str) {
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

    async fn delete(&self, delivery: &Delivery) {
        self.deliveries.delete(&delivery.receipt).await.expect("delete");
    }

    async fn messages_are_delivered_and_deleted(&self) {
        self.expect_nothing("an empty queue").await;
        let message = self.send(Duration::ZERO).await;
        let delivery = self.expect(&message, "a sent message").await;
        assert_eq!(delivery.receive_count, 1);
        self.delete(&delivery).await;
        self.deliveries.delete(&delivery.receipt).await.expect("deleting twice succeeds");
        self.deliveries.defer(&delivery.receipt, Duration::ZERO).await.expect("deferring a deleted message succeeds");
        sleep(self.visibility + Duration::from_millis(500)).await;
        self.expect_nothing("a deleted message is not delivered again").await;
    }

    async fn delayed_messages_arrive_later(&self) -> bool {
        let (sent, delay) = (Instant::now(), Duration::from_secs(2));
        let message = self.send(delay).await;
        if !self.stays_hidden(sent, delay, "a delayed message").await {
            return false;
        }
        let delivery = self.expect(&message, "after the delay").await;
        self.delete(&delivery).await;
        true
    }

    async fn undeleted_messages_are_delivered_again(&self) -> bool {
        let sent = Instant::now();
        let message = self.send(Duration::ZERO).await;
        let first = self.expect(&message, "the first delivery").await;
        if !self.stays_hidden(sent, self.visibility, "hidden during the visibility timeout").await {
            return false;
        }
        let second = self.expect(&message, "the visibility timeout has passed").await;
        assert_eq!(second.receive_count, 2);
        assert_ne!(second.receipt, first.receipt, "each delivery has its own receipt");
        self.delete(&second).await;
        true
    }

    async fn deferred_messages_arrive_on_time(&self) -> bool {
        let message = self.send(Duration::ZERO).await;
        let first = self.expect(&message, "the first delivery").await;
        self.deliveries.defer(&first.receipt, Duration::ZERO).await.expect("defer");
        let second = self.expect(&message, "deferred by zero").await;
        let (deferred, longer) = (Instant::now(), self.visibility + Duration::from_secs(3));
        self.deliveries.defer(&second.receipt, longer).await.expect("defer");
        sleep(self.visibility + Duration::from_millis(700)).await;
        if !self.stays_hidden(deferred, longer, "deferred for longer than the visibility timeout").await {
            return false;
        }
        let third = self.expect(&message, "the deferral has passed").await;
        self.delete(&third).await;
        true
    }

    async fn messages_go_to_one_worker_at_a_time(&self) -> bool {
        let mut sent = HashSet::new();
        for _ in 0..12 {
            sent.insert(self.send(Duration::ZERO).await.body());
        }
        let mut got: Vec<Delivery> = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let (mut bodies, mut is_slow) = (HashSet::new(), false);
        while bodies.len() < sent.len() && Instant::now() < deadline {
            let received = Instant::now();
            let (a, b) = tokio::join!(
                self.deliveries.receive(10, Duration::from_millis(100)),
                self.deliveries.receive(10, Duration::from_millis(100))
            );
            for delivery in a.expect("receive").into_iter().chain(b.expect("receive")) {
                self.delete(&delivery).await;
                bodies.insert(delivery.body.clone());
                got.push(delivery);
            }
            // Messages that were deleted later than this may have been delivered again.
            is_slow |= received.elapsed() >= self.visibility;
        }
        assert_eq!(bodies, sent, "every message arrives");
        let receipts: HashSet<Receipt> = got.iter().map(|delivery| delivery.receipt.clone()).collect();
        let is_one_each = !self.exclusive || receipts.len() == sent.len();
        assert!(is_one_each || is_slow, "at one worker each: {got:?}");
        is_one_each
    }

    async fn every_lane_and_stage_has_a_queue(&self) {
        let length = async |route| self.queue.length(route).await.expect("length");
        for route in Route::ALL {
            assert_eq!(length(route).await, 0, "{route}");
        }
        let owner = samples::owner();
        // Bulk first: live ones overtake them.
        for route in Route::ALL.into_iter().rev() {
            self.send_to(route, &owner, Duration::ZERO).await;
            assert_eq!(length(route).await, 1, "{route}");
        }
        let drops = r#"{"Records":[]}"#;
        self.queue.send_again(drops).await.expect("send again");
        assert_eq!(length(Route::DROPS).await, 2);
        for (stage, deliveries, expected) in [("make", self.deliveries, 2), ("intake", self.intake, 3)] {
            let mut bodies = BTreeSet::new();
            for _ in 0..expected {
                let delivery = self.next(deliveries, PATIENCE).await.expect(stage);
                deliveries.delete(&delivery.receipt).await.expect("delete");
                bodies.insert(delivery.body);
            }
            assert_eq!(bodies.len(), expected, "{stage}");
            assert_eq!(bodies.contains(drops), stage == "intake", "{stage}: {bodies:?}");
        }
        for route in Route::ALL {
            assert_eq!(length(route).await, 0, "{route}");
        }
        if self.exclusive {
            let bulk = Route { lane: Lane::Bulk, ..Route::ALL[0] };
            let (later, sooner) = (self.send_to(bulk, &owner, Duration::ZERO).await, self.send(Duration::ZERO).await);
            for message in [sooner, later] {
                let delivery = self.expect(&message, "live before bulk").await;
                self.delete(&delivery).await;
            }
        }
    }

    async fn spent_messages_are_dead_lettered(&self) {
        let message = self.send(Duration::ZERO).await;
        for count in 1..=self.max_receives {
            let delivery = self.expect(&message, "a delivery").await;
            assert_eq!(delivery.receive_count, count);
            self.deliveries.defer(&delivery.receipt, Duration::ZERO).await.expect("defer");
        }
        self.expect_nothing("a message without deliveries left").await;
        let dead = self.next(self.dead_letters, PATIENCE).await.expect("a dead letter");
        assert_eq!(dead.body, message.body());
        self.dead_letters.delete(&dead.receipt).await.expect("delete");
    }
}
