//! The ports of [`cutline_core`] on one machine: records, keys, parameter sets and the queue in one SQLite
//! database, sources and outputs as files, signed links in place of presigned URLs.
//!
//! What is acknowledged is on disk: every commit that answers somebody is followed by an `fsync`
//! ([`Database`] commits many callers' changes with one), and a file is written beside its place, synced,
//! renamed into it, and its folder synced ([`LocalFiles`]).
//!
//! One folder holds everything ([`DataDir`]):
//!
//! | name | what |
//! |---|---|
//! | `cutline.db`, `-wal`, `-shm` | the database |
//! | `files/sources/…`, `files/jobs/…` | stored objects, by [`cutline_core::StorageKey`] |
//! | `files/tmp/…` | objects being written; emptied at start |
//! | `link-secret` | what signs links |
//! | `lock` | held by the server that works in the folder |
//!
//! Beside it there can be a folder in which files are dropped, and results put beside them ([`DropFolder`], [`Watch`]).
//!
//! The folder has to be on a local disk: SQLite's write-ahead log does not work across machines. Not in
//! this crate: HTTP (what answers a signed link), and any policy of when to sweep or purge.

mod data_dir;
mod database;
mod drop_folder;
mod drops;
mod error;
mod files;
mod jobs;
mod keys;
mod links;
mod purge;
mod queue;
mod readers;
mod schema;
mod sets;
mod watch;
mod writer;

pub use data_dir::{DataDir, Lock};
pub use database::Database;
pub use drop_folder::DropFolder;
pub use drops::LocalDrops;
pub use error::{OpenError, StoreError};
pub use files::{LocalFiles, StoredFile};
pub use jobs::LocalJobs;
pub use keys::LocalKeys;
pub use links::{LinkRefused, LinkSecret, LocalLinks};
pub use purge::{Purge, Purged};
pub use queue::{LocalParking, LocalQueue, QueueSettings, Queues};
pub use sets::LocalSets;
pub use watch::Watch;
