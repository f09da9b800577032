//! The contract of the ports as a test suite. Every adapter runs all of it: the ones in memory, SQLite and
//! files, and DynamoDB, SQS and S3 over HTTP.
//!
//! Each function panics, as a test does, at the first promise that is not kept. All of them make their own
//! ids, so they can run against a store that holds other things, and more than once.

#![expect(clippy::missing_panics_doc, reason = "every function of a test suite panics: it is how it reports")]

mod blobs;
mod drop_files;
mod identities;
mod jobs;
mod keys;
mod queue;
pub mod samples;
mod sets;

pub use blobs::{Download, Downloaded, blobs, links};
pub use drop_files::{DropSite, drop_files};
pub use identities::identities;
pub use jobs::jobs;
pub use keys::keys;
pub use queue::{QueueUnderTest, queue};
pub use sets::sets;
