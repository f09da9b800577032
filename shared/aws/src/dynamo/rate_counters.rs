//! Counters of requests.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use cutline_core::domain::ids::OwnerId;
use cutline_core::ports::{PortError, RateCounters};
use jiff::Timestamp;

use super::item::{PrimaryKey, number};
use super::table::DynamoTable;
use crate::error::fault;

/// How long a counter is kept after its window began, in seconds. Windows are much shorter, and the clocks of functions
/// agree to much less.
const KEPT_SECONDS: i64 = 600;

#[async_trait]
impl RateCounters for DynamoTable {
    /// A single write without a condition. The SDK repeats it after a lost answer, and may then count twice.
    async fn count(&self, owner: &OwnerId, window: Timestamp) -> Result<u64, PortError> {
        let key = PrimaryKey::rate_counter(owner, window);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression("SET #ttl = :ttl ADD requests :one")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number(window.as_second().saturating_add(KEPT_SECONDS)))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        let answer = request.send().await.map_err(|error| fault("dynamodb:UpdateItem", error))?;
        match answer.attributes.as_ref().and_then(|attributes| attributes.get("requests")) {
            Some(AttributeValue::N(count)) => count.parse().map_err(|error| key.fault(error)),
            Some(_) | None => Err(key.fault("no count in the answer")),
        }
    }
}
