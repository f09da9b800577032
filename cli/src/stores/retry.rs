//! The stores for repeating a job.

use std::sync::Arc;

use cutline_core::ports::{Blobs, Queue};
use cutline_core::usecases::RecordStores;

/// What repeating a job needs: its record, its photo, and the queue.
pub(crate) struct RetryStores {
    pub(crate) records: RecordStores,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) queue: Arc<dyn Queue>,
}
