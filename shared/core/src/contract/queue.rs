//! The contracts of [`Queue`] and of its receiving sides.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::deliveries::{DeliveriesUnderTest, PATIENCE, Sender, in_time, next};
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

/// Checks a queue.
pub async fn queue(under_test: QueueUnderTest<'_>) {
    under_test.make().check().await;
    in_time(async || under_test.messages_go_to_one_worker_at_a_time().await).await;
    under_test.spent_messages_are_dead_lettered().await;
    under_test.every_lane_and_stage_has_a_queue().await;
}

/// Sends live messages to the stage `make`.
#[async_trait]
impl Sender for QueueUnderTest<'_> {
    async fn send(&self, delay: Duration) -> String {
        self.send_to(Route::ALL[0], &samples::owner(), delay).await
    }

    fn check(&self, delivery: &Delivery) {
        let message = Message::parse(&delivery.body).expect("parses");
        assert_eq!(delivery.request, WorkRequest::Job(message));
    }
}

impl QueueUnderTest<'_> {
    /// The stage `make`.
    fn make(&self) -> DeliveriesUnderTest<'_> {
        DeliveriesUnderTest { sender: self, deliveries: self.deliveries, visibility: self.visibility }
    }

    /// Sends a message, and returns its body.
    async fn send_to(&self, route: Route, owner: &OwnerId, delay: Duration) -> String {
        let message = Message { job_id: SystemIds.job() };
        self.queue.send(&message, Destination { route, owner }, delay).await.expect("send");
        message.body()
    }

    async fn messages_go_to_one_worker_at_a_time(&self) -> bool {
        let mut sent = HashSet::new();
        for _ in 0..12 {
            sent.insert(self.send(Duration::ZERO).await);
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
                self.make().delete(&delivery).await;
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
                let delivery = next(deliveries, PATIENCE).await.expect(stage);
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
            for body in [sooner, later] {
                let delivery = self.make().expect(&body, "live before bulk").await;
                self.make().delete(&delivery).await;
            }
        }
    }

    async fn spent_messages_are_dead_lettered(&self) {
        let body = self.send(Duration::ZERO).await;
        for count in 1..=self.max_receives {
            let delivery = self.make().expect(&body, "a delivery").await;
            assert_eq!(delivery.receive_count, count);
            self.deliveries.defer(&delivery.receipt, Duration::ZERO).await.expect("defer");
        }
        self.make().expect_nothing("a message without deliveries left").await;
        let dead = next(self.dead_letters, PATIENCE).await.expect("a dead letter");
        assert_eq!(dead.body, body);
        self.dead_letters.delete(&dead.receipt).await.expect("delete");
    }
}
