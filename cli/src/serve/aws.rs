//! `serve --backend aws`: the stores of a deployment on AWS. Its functions go on doing their part; this server
//! takes in what their gateway would not, and can work on jobs beside them. The sweep stays theirs.

use std::sync::Arc;

use cutline_aws::config::{self, StatusConfig, UploadConfig};
use cutline_aws::{Aws, DynamoTable, S3Bucket, S3Links, SqsQueue};
use cutline_core::SystemClock;
use cutline_core::usecases::RecordStores;

use super::ports::Ports;

/// The table, bucket and queue of a deployment.
pub(crate) struct Deployment {
    names: UploadConfig,
    table: Arc<DynamoTable>,
    bucket: Arc<S3Bucket>,
    queue: Arc<SqsQueue>,
    links: Arc<S3Links>,
}

impl Deployment {
    /// Those that the environment names, by the variables that the upload and status functions have. Makes no
    /// call: a name that is wrong shows with the first request.
    ///
    /// # Errors
    /// The first variable that is missing or wrong.
    pub(crate) async fn from_env() -> anyhow::Result<Self> {
        let names: UploadConfig = config::from_env()?;
        let delivery: StatusConfig = config::from_env()?;
        let aws = Aws::from_env().await;
        Ok(Self {
            table: Arc::new(aws.table(&names.common.table)),
            bucket: Arc::new(aws.bucket(&names.bucket)),
            queue: Arc::new(aws.queue(&names.queue_url)),
            links: Arc::new(aws.links(delivery.bucket, delivery.delivery_role_arn, Arc::new(SystemClock))),
            names,
        })
    }

    /// The ports on them.
    pub(crate) fn ports(&self) -> Ports {
        Ports {
            records: RecordStores::in_one(self.table.clone()),
            drop_files: Some(self.bucket.clone()),
            blobs: self.bucket.clone(),
            queue: self.queue.clone(),
            deliveries: self.queue.clone(),
            links: self.links.clone(),
            files: None,
        }
    }

    /// What is worked on, in words.
    pub(crate) fn place(&self) -> String {
        let UploadConfig { common: config::CommonConfig { table, .. }, bucket, queue_url } = &self.names;
        format!("On AWS: table {table}, bucket {bucket}, queue {queue_url}")
    }

    /// The command that makes a key for it.
    pub(crate) fn new_key(&self) -> String {
        format!("cutline keys create --for-aws {}", self.names.common.table)
    }
}
