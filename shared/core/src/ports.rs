//! The outside world as the use cases see it: small traits.
//!
//! A port is a contract: each method's documentation states its semantics, and the suite in `contract` checks them on
//! every adapter. Convenience lives in the use cases. The following holds for all ports:
//!
//! - **Durable**: when a write returns `Ok`, it survives a crash.
//! - **Consistent**: a read sees every acknowledged write, unless its documentation says otherwise.
//! - **Atomic**: a method that documents several changes makes all of them or none.
//! - **Ambiguous when it fails**: after [`PortError::Retry`] a change may have been made. Callers read it back, or
//!   repeat it where repeating is harmless.
//! - **Cancellable**: a future may be dropped at any point; its change is then made or not, but never half.
//! - **Times** have millisecond precision ([`Clock`]), and expired records count as missing only where the documentation
//!   says so.
//! - No SDK type crosses a port.

mod audit;
mod blobs;
mod clock;
mod deliveries;
mod drop_files;
mod error;
mod identities;
mod image_workers;
mod job_files;
mod jobs;
mod keys;
mod links;
mod metrics;
mod owner_webhooks;
mod param_sets;
mod pipeline;
mod quarantine;
mod queue;
mod rate_counters;
mod report_queue;
mod source_fetcher;
mod storage_usage;
mod upload_links;
mod upload_objects;
mod uploads;
mod usage;
mod webhook_client;

pub use audit::Audit;
pub use blobs::Blobs;
pub use clock::{Clock, Ids, SystemClock, SystemIds};
pub use deliveries::{Deliveries, Delivery, Receipt};
pub use drop_files::{DROP_HEAD_BYTES, DropFiles, DropLook, ManifestTag, StoredManifest};
pub use error::{BoxError, ChangeOwnerError, CreateError, OpenUploadError, PortError, PutSetError, WriteError};
pub use identities::Identities;
pub use image_workers::ImageWorkers;
pub use job_files::JobFiles;
pub use jobs::{JobPage, JobQuery, Jobs};
pub use keys::Keys;
pub use links::{Link, Links};
pub use metrics::{Metrics, NoMetrics};
pub use owner_webhooks::OwnerWebhooks;
pub use param_sets::{ParamSets, Precondition, StoredSet};
pub use pipeline::{
    EncodedAsset, EncodedPicture, EvidenceUse, Pipeline, PipelineInput, PipelineOutput, Progress, Stage,
};
pub use quarantine::Quarantine;
pub use queue::{Destination, Queue};
pub use rate_counters::RateCounters;
pub use report_queue::ReportQueue;
pub use source_fetcher::SourceFetcher;
pub use storage_usage::StorageUsage;
pub use upload_links::UploadLinks;
pub use upload_objects::{START_BYTES, UploadCopy, UploadObjects, UploadedObject};
pub use uploads::Uploads;
pub use usage::Usage;
pub use webhook_client::{OutgoingWebhook, WebhookClient};
