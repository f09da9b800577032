//! The ports of a backend.

use std::sync::Arc;

use cutline_core::ports::{Blobs, Deliveries, DropFiles, Links, Queue, StorageUsage};
use cutline_core::usecases::RecordStores;
use cutline_http::SignedFiles;

/// The ports of a backend, as the API and the workers need them.
pub(crate) struct Ports {
    pub(crate) records: RecordStores,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) queue: Arc<dyn Queue>,
    /// The receiving end of `queue` for makers.
    pub(crate) deliveries: Arc<dyn Deliveries>,
    /// The receiving end of `queue` for fetchers.
    pub(crate) intake_deliveries: Arc<dyn Deliveries>,
    /// The place where files are dropped, if there is one.
    pub(crate) drop_files: Option<Arc<dyn DropFiles>>,
    /// Counts the bytes of owners' files, where that is possible.
    pub(crate) storage_usage: Option<Arc<dyn StorageUsage>>,
    pub(crate) links: Arc<dyn Links>,
    /// The files behind `links`, if this server serves them.
    pub(crate) files: Option<Arc<dyn SignedFiles>>,
}
