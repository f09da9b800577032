//! The stores of a deployment on AWS, with the region and the credentials that every AWS tool uses.

use std::sync::Arc;

use cutline_aws::{Aws, config};
use cutline_core::ports::OwnerWebhooks;
use cutline_core::usecases::RecordStores;

use super::directory::Directory;
use super::queues::QueueUrls;
use super::retry::RetryStores;

/// The records in a table. Makes no call to AWS, so a wrong name is only noticed when a record is read.
pub(super) async fn records(table: &str) -> anyhow::Result<RecordStores> {
    Ok(records_of(&Aws::from_env().await, table))
}

/// The webhook settings of owners in a table.
pub(super) async fn webhooks(table: &str) -> anyhow::Result<Arc<dyn OwnerWebhooks>> {
    Ok(Arc::new(Aws::from_env().await.table(table)))
}

/// All keys and owners in a table.
pub(super) async fn directory(table: &str) -> anyhow::Result<Directory> {
    let cutline_aws::Directory { keys, owners } = Aws::from_env().await.table(table).directory().await?;
    Ok(Directory::new(keys, owners))
}

/// The stores for a retry.
pub(super) async fn retry_stores(table: &str, bucket: &str, queues: &QueueUrls<'_>) -> anyhow::Result<RetryStores> {
    let aws = Aws::from_env().await;
    let urls = config::QueueUrls {
        queue_url: queues.live.to_owned(),
        bulk_queue_url: queues.bulk.to_owned(),
        intake_queue_url: queues.intake_live.to_owned(),
        intake_bulk_queue_url: queues.intake_bulk.to_owned(),
    };
    Ok(RetryStores {
        records: records_of(&aws, table),
        blobs: Arc::new(aws.bucket(bucket)),
        queue: Arc::new(aws.lanes(&urls)),
    })
}

fn records_of(aws: &Aws, table: &str) -> RecordStores {
    RecordStores::in_one(Arc::new(aws.table(table)))
}
