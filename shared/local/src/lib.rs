//! Cutline's ports on one machine: records, keys, parameter sets and queues in one SQLite database, sources and outputs
//! as files, signed links in place of presigned URLs.
//!
//! An acknowledged write is on disk. Every commit is followed by an `fsync`, shared by concurrent callers
//! ([`Database`]); a file is written under a temporary name, synced and renamed, and its folder is synced
//! ([`LocalFiles`]).
//!
//! One data folder holds everything ([`DataDir`]):
//!
//! | name | contents |
//! |---|---|
//! | `cutline.db`, `-wal`, `-shm` | the database |
//! | `files/sources/…`, `files/jobs/…` | stored objects, by [`cutline_core::StorageKey`] |
//! | `files/uploads/…` | directly uploaded files |
//! | `files/tmp/…` | objects being written; emptied at start |
//! | `link-secret` | the secret that signs links |
//! | `lock` | held by the server that uses the folder |
//!
//! A second folder can take dropped files and their results ([`DropFolder`], [`DropWatcher`]).
//!
//! Only the owner of the data folder can use it: folders have mode 0700 and files 0600, whatever the umask. A watched
//! folder is shared by design, so its modes follow the umask. This crate is for Unix; other systems have no such modes.
//!
//! The data folder must be on a local disk, since SQLite's write-ahead log does not work over a network. This crate
//! contains no HTTP server for signed links, and does not decide when to sweep or purge.
//!
//! # Example
//!
//! ```
//! use cutline_core::domain::job::{JobSpec, Source};
//! use cutline_core::ports::Jobs as _;
//! use cutline_core::{Clock as _, DeliveryMode, Ids as _, Job, Mode, Policy, SystemClock, SystemIds};
//! use cutline_local::{DataDir, Database, LocalJobs};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let parent = tempfile::tempdir()?;
//! let folder = DataDir::open(&parent.path().join("data"))?;
//! let _lock = folder.lock()?;
//! let jobs = LocalJobs::new(Database::open(&folder.database())?);
//!
//! let spec = JobSpec {
//!     mode: Mode::Background,
//!     delivery: DeliveryMode::Url,
//!     format: None,
//!     rendering: Default::default(),
//!     set: None,
//!     source: Source::Stored,
//!     subject: Default::default(),
//!     mask: None,
//!     external_id: None,
//!     metadata: None,
//!     review: Default::default(),
//!     previews: false,
//!     output_name: None,
//!     source_name: None,
//!     warnings: Default::default(),
//! };
//! let job = Job::new(SystemIds.job(), "shop".parse()?, spec, SystemClock.now(), &Policy::default());
//! jobs.create(&job).await?;
//! assert_eq!(jobs.get(job.id).await?, Some(job));
//! # Ok(())
//! # })
//! # }
//! ```

mod audit;
mod backup;
mod clock;
mod connection;
mod data_dir;
mod database;
mod disk;
mod drop_folder;
mod error;
mod files;
mod identities;
mod jobs;
mod keys;
mod links;
mod listing;
mod open_files;
mod private;
mod purge;
mod queue;
mod rate_counters;
mod readers;
mod report_queue;
mod schema;
mod sets;
mod upload_files;
mod upload_links;
mod upload_records;
mod upload_writer;
mod uploads;
mod usage;
mod watch;
mod webhooks;
mod writer;

pub use audit::LocalAudit;
pub use backup::{BackupError, BackupProgress, BackupSummary, RestoreSummary, back_up, restore};
pub use clock::{ClockJump, ClockKeeper};
pub use data_dir::{DataDir, Lock};
pub use database::Database;
pub use drop_folder::DropFolder;
pub use error::{OpenError, StoreError};
pub use files::{LocalFiles, StoredFile};
pub use identities::LocalIdentities;
pub use jobs::LocalJobs;
pub use keys::{ListedOwner, LocalKeys};
pub use links::{LinkError, LinkSecret, LinkedFile, LocalLinks};
pub use purge::{Purge, PurgeReport};
pub use queue::{LocalQuarantine, LocalQueue, QueueSettings, Queues};
pub use rate_counters::LocalRateCounters;
pub use report_queue::LocalReportQueue;
pub use sets::LocalSets;
pub use upload_links::LocalUploadLinks;
pub use upload_writer::{ReceiveError, UploadWriter};
pub use uploads::LocalUploads;
pub use usage::LocalUsage;
pub use watch::DropWatcher;
pub use webhooks::LocalWebhooks;
