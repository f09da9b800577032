//! The contract of the ports as a test suite. Every adapter runs all of it: the ones in memory, SQLite and files, and
//! DynamoDB, SQS and S3 over HTTP.
//!
//! Like a test, each function panics at the first violation. Each creates its own ids, so the suite can run against a
//! store that is not empty, and more than once.

#![expect(clippy::missing_panics_doc, reason = "a test suite reports by panicking")]

mod audit;
mod blobs;
mod deliveries;
mod drop_files;
mod equal_requests;
mod identities;
mod job_lists;
mod jobs;
mod keys;
mod owner_webhooks;
mod previous_release;
mod queue;
mod rate_counters;
mod recording;
mod recuts;
pub mod release_0_1_0;
mod report_queue;
pub mod samples;
mod sets;
mod stand_ins;
mod storage_usage;
mod uploads;
mod usage;

pub use audit::audit;
pub use blobs::{Download, Downloaded, blobs, job_files, links};
pub use drop_files::{DropSite, drop_files};
pub use equal_requests::equal_requests;
pub use identities::identities;
pub use job_lists::job_lists;
pub use jobs::jobs;
pub use keys::keys;
pub use owner_webhooks::owner_webhooks;
pub use previous_release::{UpgradedBackend, previous_release};
pub use queue::{QueueUnderTest, queue};
pub use rate_counters::rate_counters;
pub use recording::{
    PREVIOUS_RELEASE, RecordedDrop, RecordedJob, RecordedKey, RecordedObject, RecordedOwner, RecordedSet, Recording,
};
pub use report_queue::report_queue;
pub use sets::{SetLimit, sets};
pub use storage_usage::storage_usage;
pub use uploads::{PutFile, UploadsUnderTest, upload_objects, upload_uses, uploads};
pub use usage::usage;
