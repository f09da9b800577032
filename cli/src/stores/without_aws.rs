//! In place of `aws` in a build without that feature: its functions return an error.

use std::sync::Arc;

use cutline_core::ports::OwnerWebhooks;
use cutline_core::usecases::RecordStores;

use super::directory::Directory;
use super::queues::QueueUrls;
use super::retry::RetryStores;

pub(super) async fn records(_table: &str) -> anyhow::Result<RecordStores> {
    Err(not_built())
}

pub(super) async fn webhooks(_table: &str) -> anyhow::Result<Arc<dyn OwnerWebhooks>> {
    Err(not_built())
}

pub(super) async fn directory(_table: &str) -> anyhow::Result<Directory> {
    Err(not_built())
}

pub(super) async fn retry_stores(_table: &str, _bucket: &str, _queues: &QueueUrls<'_>) -> anyhow::Result<RetryStores> {
    Err(not_built())
}

fn not_built() -> anyhow::Error {
    anyhow::anyhow!("this program was built without the AWS backend; build it with `--features aws` (--aws)")
}
