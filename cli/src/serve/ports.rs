//! The ports of a backend.

use std::sync::Arc;

use cutline_core::ports::{Blobs, Deliveries, DropFiles, Links, Queue, ReportQueue, StorageUsage, UploadLinks};
use cutline_core::usecases::{RecordStores, UploadStores};
use cutline_http::{SignedFiles, WebPages};
use cutline_local::LocalUploads;

/// The ports of a backend, as the API and the workers need them.
pub(crate) struct Ports {
    pub(crate) records: RecordStores,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) queue: Arc<dyn Queue>,
    /// The receiving end of `queue` for makers.
    pub(crate) deliveries: Arc<dyn Deliveries>,
    /// The receiving end of `queue` for fetchers.
    pub(crate) intake_deliveries: Arc<dyn Deliveries>,
    /// Where messages about reports go.
    pub(crate) reports: Arc<dyn ReportQueue>,
    /// The place where files are dropped, if there is one.
    pub(crate) drop_files: Option<Arc<dyn DropFiles>>,
    /// Counts the bytes of owners' files, where that is possible.
    pub(crate) storage_usage: Option<Arc<dyn StorageUsage>>,
    pub(crate) links: Arc<dyn Links>,
    /// The files behind `links`, if this server serves them.
    pub(crate) files: Option<Arc<dyn SignedFiles>>,
    /// Direct uploads.
    pub(crate) uploads: UploadStores,
    /// Signs links to upload files.
    pub(crate) upload_links: Arc<dyn UploadLinks>,
    /// The same uploads, if this server receives their files.
    pub(crate) received_uploads: Option<LocalUploads>,
    /// How the web pages reach the files.
    pub(crate) pages: WebPages,
}
