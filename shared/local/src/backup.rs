//! Backups of a data folder, taken while a server may be using it.
//!
//! | name | contents |
//! |---|---|
//! | `cutline.db` | a snapshot of the database: jobs, keys, parameter sets, messages |
//! | `files/…` | the sources and results of the snapshot's jobs |
//! | `link-secret` | the secret that signs links, if there is one |
//! | `manifest.json` | version, times, counts, and each file with its size and SHA-256; written last |
//!
//! The snapshot is taken first, then the files are copied. A job's source is stored before its record, so every job of
//! the snapshot finds its source; files of later jobs are left out. A job that expires meanwhile may lose files, which
//! the manifest lists as missing. The snapshot is read in one read transaction, which blocks no writer.
//!
//! A backup without a manifest is incomplete, and is not restored.

mod copy;
mod error;
mod manifest;
mod progress;
mod restore;
mod take;

pub use error::BackupError;
pub use progress::BackupProgress;
pub use restore::{RestoreSummary, restore};
pub use take::{BackupSummary, back_up};
