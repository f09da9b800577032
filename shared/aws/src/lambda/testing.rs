//! A queue in memory whose messages arrive as Lambda events.

use std::sync::Arc;
use std::time::Duration;

use cutline_core::ports::Deliveries as _;
use cutline_core::testing::{ManualClock, MemoryQueue};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) const VISIBILITY: Duration = Duration::from_secs(720);

pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) queue: Arc<MemoryQueue>,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let queue = Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, 20, None));
        Self { clock, queue }
    }

    /// Sends the bodies, receives them as Lambda does, and returns the event.
    pub(super) async fn event(&self, bodies: &[&str]) -> Value {
        for body in bodies {
            self.queue.put(body, Duration::ZERO);
        }
        self.receive().await
    }

    pub(super) async fn receive(&self) -> Value {
        let got = self.queue.receive(10, Duration::ZERO).await.expect("receive");
        let records = got.iter().map(|delivery| {
            json!({
                "messageId": format!("id of {}", delivery.body),
                "receiptHandle": delivery.receipt.0,
                "body": delivery.body,
                "attributes": {"ApproximateReceiveCount": delivery.receive_count.to_string()},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            })
        });
        json!({"Records": records.collect::<Vec<_>>()})
    }
}

pub(super) fn parse<T: DeserializeOwned>(event: Value) -> T {
    serde_json::from_value(event).expect("an event")
}
