//! The contract of [`ReportQueue`] and its receiving side. These tests wait in real time, since a remote queue has its own
//! clock.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::queue::in_time;
use crate::domain::job::ReportId;
use crate::domain::report_message::ReportMessage;
use crate::ports::{Deliveries, Delivery, Ids, ReportQueue, SystemIds};

/// How long the test waits for something that should happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// Checks an empty queue without other senders, whose visibility timeout is one to three seconds.
pub async fn report_queue(queue: &dyn ReportQueue, deliveries: &dyn Deliveries, visibility: Duration) {
    let under_test = UnderTest { queue, deliveries, visibility };
    under_test.messages_are_delivered_and_deleted().await;
    in_time(async || under_test.delayed_messages_arrive_later().await).await;
    in_time(async || under_test.undeleted_messages_are_delivered_again().await).await;
    in_time(async || under_test.deferred_messages_arrive_on_time().await).await;
    under_test.every_message_arrives().await;
}

struct UnderTest<'a> {
    queue: &'a dyn ReportQueue,
    deliveries: &'a dyn Deliveries,
    visibility: Duration,
}

impl UnderTest<'_> {
    async fn send(&self, delay: Duration) -> String {
        let job_id = SystemIds.job();
        let message = ReportMessage { job_id, report_id: ReportId::webhook(job_id) };
        self.queue.send_report(&message, delay).await.expect("send");
        message.body()
    }

    async fn expect(&self, body: &str, why: &str) -> Delivery {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(delivery) = self.deliveries.receive(1, Duration::from_millis(500)).await.expect("receive").pop()
            {
                assert_eq!(delivery.body, body, "{why}");
                assert_eq!(ReportMessage::parse(&delivery.body).expect("parses").body(), body);
                return delivery;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{why}: nothing came");
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
        let body = self.send(Duration::ZERO).await;
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
        let body = self.send(delay).await;
        if !self.stays_hidden(sent, delay, "a delayed message").await {
            return false;
        }
        self.delete(&self.expect(&body, "after the delay").await).await;
        true
    }

    async fn undeleted_messages_are_delivered_again(&self) -> bool {
        let sent = Instant::now();
        let body = self.send(Duration::ZERO).await;
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
        let body = self.send(Duration::ZERO).await;
        let first = self.expect(&body, "the first delivery").await;
        self.deliveries.defer(&first.receipt, Duration::ZERO).await.expect("defer");
        let second = self.expect(&body, "deferred by zero").await;
        let (deferred, longer) = (Instant::now(), self.visibility + Duration::from_secs(3));
        self.deliveries.defer(&second.receipt, longer).await.expect("defer");
        sleep(self.visibility + Duration::from_millis(700)).await;
        if !self.stays_hidden(deferred, longer, "deferred for longer than the visibility timeout").await {
            return false;
        }
        self.delete(&self.expect(&body, "the deferral has passed").await).await;
        true
    }

    async fn every_message_arrives(&self) {
        let mut sent = HashSet::new();
        for _ in 0..25 {
            sent.insert(self.send(Duration::ZERO).await);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut got = HashSet::new();
        while got.len() < sent.len() && Instant::now() < deadline {
            for delivery in self.deliveries.receive(10, Duration::from_millis(200)).await.expect("receive") {
                self.delete(&delivery).await;
                got.insert(delivery.body);
            }
        }
        assert_eq!(got, sent);
    }
}
