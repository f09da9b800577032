//! Which drops became which jobs.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::Put;
use cutline_core::domain::drops::DropId;
use cutline_core::domain::ids::JobId;
use cutline_core::domain::job::Job;
use cutline_core::ports::{CreateError, Drops, PortError};
use serde::{Deserialize, Serialize};

use super::transaction::Ended;
use super::{DynamoTable, item, number};

/// How long a drop is known. S3 and the queue tell of one again within days.
const KNOWN_FOR: Duration = Duration::from_secs(35 * 24 * 60 * 60);

/// A drop as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    job_id: JobId,
}

#[async_trait]
impl Drops for DynamoTable {
    async fn find(&self, id: &DropId) -> Result<Option<JobId>, PortError> {
        let record: Option<Record> = self.read(item::PrimaryKey::drop(id)).await?;
        Ok(record.map(|record| record.job_id))
    }

    async fn create(&self, job: &Job, id: &DropId) -> Result<(), CreateError> {
        let mut record = item::encode(&item::PrimaryKey::drop(id), &Record { job_id: job.id })?;
        let forgotten_at = job.created_at.as_second().saturating_add_unsigned(KNOWN_FOR.as_secs());
        record.insert("ttl".to_owned(), number(forgotten_at));
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
        match self.transact([self.put_new(job)?, drop], debit).await? {
            Ended::Made => Ok(()),
            Ended::RecordRefused => Err(CreateError::Exists),
            Ended::OwnerRefused => Err(CreateError::InsufficientCredits),
        }
    }
}
