//! The drops that have become jobs.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::Put;
use cutline_core::domain::drops::DropId;
use cutline_core::domain::ids::JobId;
use cutline_core::domain::job::Job;
use cutline_core::ports::{CreateError, Drops, PortError};
use serde::{Deserialize, Serialize};

use super::item::{PrimaryKey, encode, number};
use super::table::DynamoTable;

/// How long a drop is remembered. S3 and the queue repeat an event within days.
const RETENTION: Duration = Duration::from_secs(35 * 24 * 60 * 60);

/// A drop's record.
#[derive(Debug, Serialize, Deserialize)]
struct DropRecord {
    job_id: JobId,
}

#[async_trait]
impl Drops for DynamoTable {
    async fn find(&self, id: &DropId) -> Result<Option<JobId>, PortError> {
        let record: Option<DropRecord> = self.read(PrimaryKey::drop(id)).await?;
        Ok(record.map(|record| record.job_id))
    }

    async fn create(&self, job: &Job, id: &DropId) -> Result<(), CreateError> {
        let mut record = encode(&PrimaryKey::drop(id), &DropRecord { job_id: job.id })?;
        let expires_at = job.created_at.as_second().saturating_add_unsigned(RETENTION.as_secs());
        record.insert("ttl".to_owned(), number(expires_at));
        let drop = Put::builder()
            .table_name(&self.table)
            .set_item(Some(record))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(PortError::fail)?;
        let debit = match job.charged {
            true => Some(self.debit(&job.owner).build().map_err(PortError::fail)?),
            false => None,
        };
        self.transact([self.put_new(job)?, drop], debit).await?.created()
    }
}
