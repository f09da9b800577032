//! The stores of the commands that manage jobs, owners and keys: in a data folder, or in a deployment on AWS.

#[cfg(feature = "aws")]
mod aws;
#[cfg(not(feature = "aws"))]
#[path = "stores/without_aws.rs"]
mod aws;

mod directory;
mod queues;
mod retry;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use cutline_core::SystemClock;
use cutline_core::ports::OwnerWebhooks;
use cutline_core::usecases::RecordStores;
use cutline_local::{
    DataDir, Database, LocalAudit, LocalFiles, LocalIdentities, LocalJobs, LocalKeys, LocalRateCounters, LocalSets,
    LocalUsage, LocalWebhooks, QueueSettings, Queues,
};

use crate::data::DataArgs;

pub(crate) use self::directory::Directory;
pub(crate) use self::queues::QueueArgs;
pub(crate) use self::retry::RetryStores;

/// A data folder or a deployment.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Use a deployment on AWS instead of a data folder: its DynamoDB table, `TableName` of the stack's outputs. Region
    /// and credentials are found as by the AWS CLI. Needs a program built with `--features aws`.
    #[arg(long, value_name = "TABLE", value_parser = NonEmptyStringValueParser::new())]
    aws: Option<String>,
}

impl PlaceArgs {
    /// The place. A mistyped data folder is an error.
    pub(crate) fn place(&self) -> anyhow::Result<Place<'_>> {
        if let Some(table) = &self.aws {
            return Ok(Place::Aws { table });
        }
        existing(&self.data).map(Place::Local)
    }
}

/// The data folder. A mistyped one is an error and is not created.
pub(crate) fn existing(data: &DataArgs) -> anyhow::Result<DataDir> {
    let path = data.folder()?;
    let missing =
        || format!("no database in {}; name the server's folder with --data or CUTLINE_DATA_DIR", path.display());
    DataDir::existing(&path).with_context(missing)
}

/// Where the records are.
pub(crate) enum Place<'a> {
    Local(DataDir),
    Aws { table: &'a str },
}

impl Place<'_> {
    /// The records.
    pub(crate) async fn records(&self) -> anyhow::Result<RecordStores> {
        match self {
            Self::Local(folder) => Ok(local_records(&Database::open(&folder.database())?)),
            Self::Aws { table } => aws::records(table).await,
        }
    }

    /// The webhook settings of owners.
    pub(crate) async fn webhooks(&self) -> anyhow::Result<Arc<dyn OwnerWebhooks>> {
        match self {
            Self::Local(folder) => Ok(Arc::new(LocalWebhooks::new(Database::open(&folder.database())?))),
            Self::Aws { table } => aws::webhooks(table).await,
        }
    }

    /// All keys and owners. On AWS, this reads the whole table.
    pub(crate) async fn directory(&self) -> anyhow::Result<Directory> {
        match self {
            Self::Local(folder) => {
                let keys = LocalKeys::new(Database::open(&folder.database())?);
                Ok(Directory { keys: keys.list().await?, owners: keys.owners().await? })
            }
            Self::Aws { table } => aws::directory(table).await,
        }
    }

    /// The folder of stored files, on this machine.
    pub(crate) fn files(&self) -> Option<PathBuf> {
        match self {
            Self::Local(folder) => Some(folder.files()),
            Self::Aws { .. } => None,
        }
    }

    /// The stores for a retry. On AWS, `bucket` and all queues are required.
    pub(crate) async fn retry_stores(&self, bucket: Option<&str>, queues: &QueueArgs) -> anyhow::Result<RetryStores> {
        match self {
            Self::Local(folder) => {
                // A server may be writing there, so temporary files stay.
                let files = LocalFiles::attach(&folder.files())?;
                let database = Database::open_with_files(&folder.database(), &files)?;
                let queues = Queues::new(database.clone(), Arc::new(SystemClock), QueueSettings::default());
                Ok(RetryStores { records: local_records(&database), blobs: Arc::new(files), queue: queues.jobs })
            }
            Self::Aws { table } => {
                let bucket = queues::required(bucket, "--bucket", "BucketName")?;
                aws::retry_stores(table, bucket, &queues.all()?).await
            }
        }
    }
}

fn local_records(database: &Database) -> RecordStores {
    RecordStores {
        jobs: Arc::new(LocalJobs::new(database.clone())),
        identities: Arc::new(LocalIdentities::new(database.clone())),
        keys: Arc::new(LocalKeys::new(database.clone())),
        sets: Arc::new(LocalSets::new(database.clone())),
        rates: Arc::new(LocalRateCounters::new(database.clone())),
        usage: Arc::new(LocalUsage::new(database.clone())),
        audit: Arc::new(LocalAudit::new(database.clone())),
    }
}
