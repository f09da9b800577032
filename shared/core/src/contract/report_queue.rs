//! The contract of [`ReportQueue`] and its receiving side.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::deliveries::{DeliveriesUnderTest, PATIENCE, Sender};
use crate::domain::job::ReportId;
use crate::domain::report_message::ReportMessage;
use crate::ports::{Deliveries, Delivery, Ids, ReportQueue, SystemIds};

/// Checks an empty queue without other senders, whose visibility timeout is one to three seconds.
pub async fn report_queue(queue: &dyn ReportQueue, deliveries: &dyn Deliveries, visibility: Duration) {
    let sender = Reports(queue);
    let under_test = DeliveriesUnderTest { sender: &sender, deliveries, visibility };
    under_test.check().await;
    every_message_arrives(under_test).await;
}

/// Sends messages about webhooks.
struct Reports<'a>(&'a dyn ReportQueue);

#[async_trait]
impl Sender for Reports<'_> {
    async fn send(&self, delay: Duration) -> String {
        let job_id = SystemIds.job();
        let message = ReportMessage { job_id, report_id: ReportId::webhook(job_id) };
        self.0.send_report(&message, delay).await.expect("send");
        message.body()
    }

    fn check(&self, delivery: &Delivery) {
        assert_eq!(ReportMessage::parse(&delivery.body).expect("parses").body(), delivery.body);
    }
}

async fn every_message_arrives(under_test: DeliveriesUnderTest<'_>) {
    let mut sent = HashSet::new();
    for _ in 0..25 {
        sent.insert(under_test.sender.send(Duration::ZERO).await);
    }
    let deadline = Instant::now() + PATIENCE;
    let mut got = HashSet::new();
    while got.len() < sent.len() && Instant::now() < deadline {
        for delivery in under_test.deliveries.receive(10, Duration::from_millis(200)).await.expect("receive") {
            under_test.delete(&delivery).await;
            got.insert(delivery.body);
        }
    }
    assert_eq!(got, sent);
}
