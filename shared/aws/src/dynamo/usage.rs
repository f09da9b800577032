//! Counts of ended jobs.

use async_trait::async_trait;
use cutline_core::domain::ids::OwnerId;
use cutline_core::domain::job::Transition;
use cutline_core::domain::usage::{EndCounts, JobEnd, Month, USAGE_DAYS};
use cutline_core::ports::{PortError, Usage};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::item::{PrimaryKey, number};
use super::table::DynamoTable;
use crate::error::fault;

/// The counts of a month. A missing one is zero.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UsageItem {
    done: u64,
    failed: u64,
    cancelled: u64,
}

#[async_trait]
impl Usage for DynamoTable {
    async fn ended(&self, owner: &OwnerId, month: Month) -> Result<EndCounts, PortError> {
        let stored: Option<UsageItem> = self.read(PrimaryKey::usage(owner, month)).await?;
        let UsageItem { done, failed, cancelled } = stored.unwrap_or_default();
        Ok(EndCounts { done, failed, cancelled })
    }
}

impl DynamoTable {
    /// Counts a job whose end was stored. One write without a condition, after the transition and not with it: workers that
    /// end jobs of one owner at the same time would conflict. So a job may stay uncounted, and never fails for it.
    pub(super) async fn count_end(&self, transition: &Transition) {
        let Some((end, month)) = transition.counted() else { return };
        let job = &transition.job;
        let ended_at = job.state.ended_at().unwrap_or(job.created_at);
        if let Err(error) = self.add_end(&job.owner, (end, month), ended_at).await {
            tracing::error!(job_id = %job.id, owner = %job.owner, %error, "ended job not counted");
        }
    }

    async fn add_end(&self, owner: &OwnerId, (end, month): (JobEnd, Month), at: Timestamp) -> Result<(), PortError> {
        let expires = at.checked_add(SignedDuration::from_hours(24 * USAGE_DAYS)).unwrap_or(Timestamp::MAX);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(PrimaryKey::usage(owner, month).attributes()))
            .update_expression("SET #ttl = :ttl ADD #end :one")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#end", end.as_str())
            .expression_attribute_values(":ttl", number(expires.as_second()))
            .expression_attribute_values(":one", number(1));
        request.send().await.map(drop).map_err(|error| fault("dynamodb:UpdateItem", error))
    }
}
