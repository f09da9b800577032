//! Batches of SQS messages, and the response that names the messages to keep.

use std::panic::AssertUnwindSafe;

use cutline_core::domain::work_request::WorkRequest;
use cutline_core::ports::{Deliveries, Receipt};
use cutline_core::usecases::Disposition;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use crate::message::parse_message;

/// A batch of messages from an SQS queue. Fields that Cutline does not need are ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct SqsEvent {
    #[serde(rename = "Records")]
    pub(super) records: Vec<SqsRecord>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SqsRecord {
    pub(super) message_id: String,
    pub(super) receipt_handle: String,
    pub(super) body: String,
    /// Always there on Lambda.
    #[serde(default, rename = "eventSourceARN")]
    queue_arn: Option<String>,
}

impl SqsEvent {
    /// The name of the queue that the messages came from: all of an event come from one.
    pub fn queue_name(&self) -> Option<&str> {
        self.records.first()?.queue_arn.as_ref()?.rsplit(':').next()
    }

    /// Whether the messages come from the queue with this URL.
    pub(super) fn is_from(&self, queue_url: &str) -> bool {
        let name = queue_url.trim_end_matches('/').rsplit('/').next();
        name.is_some() && self.queue_name() == name
    }
}

/// The messages of a batch that stay in the queue. Lambda deletes the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl BatchResponse {
    /// The messages with these ids stay in the queue.
    pub(super) fn failing(ids: impl IntoIterator<Item = String>) -> Self {
        let failure = |item_identifier| ItemFailure { item_identifier };
        Self { batch_item_failures: ids.into_iter().map(failure).collect() }
    }
}

/// Passes each message's body and request to `handle`, one after another, and applies the disposition: Lambda deletes
/// an acknowledged message; a deferred one gets a new visibility timeout and is reported as a failure. If the timeout
/// cannot be changed, the message returns after the queue's own timeout.
///
/// Messages do not affect each other: if handling one panics, that one returns after the queue's own timeout.
pub async fn handle_batch(
    event: SqsEvent,
    deliveries: &dyn Deliveries,
    handle: impl AsyncFn(&str, WorkRequest) -> Disposition,
) -> BatchResponse {
    let mut response = BatchResponse::default();
    for SqsRecord { message_id, receipt_handle, body, .. } in event.records {
        let handled = AssertUnwindSafe(async { handle(&body, parse_message(&body)).await });
        match handled.catch_unwind().await {
            Ok(Disposition::Acknowledge) => continue,
            Ok(Disposition::Defer(after)) => {
                if let Err(error) = deliveries.defer(&Receipt(receipt_handle), after).await {
                    tracing::warn!(message_id, %error, "cannot change a message's visibility timeout");
                }
            }
            Err(_) => tracing::error!(message_id, "handling a message panicked"),
        }
        response.batch_item_failures.push(ItemFailure { item_identifier: message_id });
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cutline_core::ports::{Delivery, PortError};
    use serde_json::json;

    use super::*;
    use crate::lambda::testing::{World, parse};

    fn failures(response: &BatchResponse) -> Vec<&str> {
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
    }

    #[tokio::test]
    async fn reports_exactly_the_deferred_messages() {
        let world = World::new();
        let event = world.event(&["good", "later", "good too"]).await;
        let handle = async |body: &str, _| match body {
            "later" => Disposition::Defer(Duration::from_secs(40)),
            _ => Disposition::Acknowledge,
        };
        let response = handle_batch(parse(event), world.queue.as_ref(), handle).await;
        assert_eq!(failures(&response), ["id of later"]);
        let expected = json!({"batchItemFailures": [{"itemIdentifier": "id of later"}]});
        assert_eq!(serde_json::to_value(&response).expect("serializes"), expected);

        world.clock.advance(Duration::from_secs(39));
        assert_eq!(world.receive().await, json!({"Records": []}), "not yet");
        world.clock.advance(Duration::from_secs(1));
        let event: SqsEvent = parse(world.receive().await);
        assert_eq!(event.records.len(), 1, "returns after the time it was deferred for");
        assert_eq!(event.records[0].body, "later");
    }

    #[test]
    fn an_event_names_its_queue() {
        let record = json!({
            "messageId": "1", "receiptHandle": "2", "body": "3",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:cutline-BulkQueue-1ABC",
        });
        let event: SqsEvent = parse(json!({"Records": [record]}));
        assert_eq!(event.queue_name(), Some("cutline-BulkQueue-1ABC"));
    }

    #[tokio::test]
    async fn success_is_an_empty_list_of_failures() {
        let world = World::new();
        let event = world.event(&["good"]).await;
        let response =
            handle_batch(parse(event), world.queue.as_ref(), async |_: &str, _| Disposition::Acknowledge).await;
        assert_eq!(serde_json::to_value(&response).expect("serializes"), json!({"batchItemFailures": []}));
    }

    #[tokio::test]
    async fn a_panic_affects_no_other_message() {
        let world = World::new();
        let event = world.event(&["first", "poison", "last"]).await;
        let handled = std::sync::Mutex::new(Vec::new());
        let handle = async |body: &str, _| {
            assert_ne!(body, "poison");
            handled.lock().expect("not poisoned").push(body.to_owned());
            Disposition::Acknowledge
        };
        let response = handle_batch(parse(event), world.queue.as_ref(), handle).await;
        assert_eq!(failures(&response), ["id of poison"]);
        assert_eq!(*handled.lock().expect("not poisoned"), ["first", "last"]);
    }

    #[tokio::test]
    async fn reports_a_message_whose_deferral_fails() {
        struct BrokenQueue;

        #[async_trait::async_trait]
        impl Deliveries for BrokenQueue {
            async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Delivery>, PortError> {
                Err(PortError::retry("down"))
            }
            async fn delete(&self, _: &Receipt) -> Result<(), PortError> {
                Err(PortError::retry("down"))
            }
            async fn defer(&self, _: &Receipt, _: Duration) -> Result<(), PortError> {
                Err(PortError::retry("down"))
            }
        }

        let event = World::new().event(&["later", "good"]).await;
        let handle = async |body: &str, _| match body {
            "later" => Disposition::Defer(Duration::from_secs(1)),
            _ => Disposition::Acknowledge,
        };
        let response = handle_batch(parse(event), &BrokenQueue, handle).await;
        assert_eq!(failures(&response), ["id of later"]);
    }

    #[test]
    fn rejects_events_that_are_not_a_batch() {
        for event in [json!({}), json!({"Records": [{"s3": {}}]}), json!({"Records": null})] {
            assert!(serde_json::from_value::<SqsEvent>(event.clone()).is_err(), "{event}");
        }
    }
}
