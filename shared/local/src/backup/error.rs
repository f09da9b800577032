//! Why a backup or restore failed.

use std::path::PathBuf;

use crate::error::{OpenError, StoreError};

/// The reason why a backup was not taken or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up.
    #[error("no database in {}; name the server's folder with --data or CUTLINE_DATA_DIR", .0.display())]
    NoData(PathBuf),
    /// The target of the backup contains something.
    #[error("not empty: {}; name a new or an empty folder for the backup", .0.display())]
    TargetNotEmpty(PathBuf),
    /// The target lies in the data folder.
    #[error("inside the data folder: {}; name a folder outside of it, best on another disk", .0.display())]
    TargetInside(PathBuf),
    /// The backup has no manifest.
    #[error("incomplete backup: {} has no manifest.json, so the backup was interrupted; use another one", .0.display())]
    Incomplete(PathBuf),
    /// The manifest cannot be used.
    #[error("invalid manifest: {}: {detail}; use another backup", path.display())]
    InvalidManifest {
        /// The manifest.
        path: PathBuf,
        /// The fault.
        detail: String,
    },
    /// A newer version of Cutline took the backup.
    #[error("backup of a newer version of Cutline, {version}; restore it with that version")]
    Newer {
        /// The version that took the backup.
        version: String,
    },
    /// A file of the backup differs from the manifest.
    #[error("damaged backup: {} does not have the size and SHA-256 of the manifest; use another backup", .0.display())]
    Damaged(PathBuf),
    /// The data folder contains something.
    #[error("not empty: {}; restore into a new or an empty folder, named by --data or CUTLINE_DATA_DIR", .0.display())]
    DataNotEmpty(PathBuf),
    /// A folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file or the database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}
