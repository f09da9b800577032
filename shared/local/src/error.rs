//! What can go wrong with the store, and whether it may pass.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutline_core::ports::{CreateError, PortError, WriteError};
use rusqlite::ErrorCode;

/// A fault of the database or of a file. Cheap to clone: when one commit fails, everybody whose change was
/// in it is told the same.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// SQLite reports a fault.
    #[error("database: {0}")]
    Database(Arc<rusqlite::Error>),
    /// A stored record is not what this version writes.
    #[error("a stored record cannot be read: {0}")]
    Record(String),
    /// A file or folder could not be used.
    #[error("{}: {error}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// A change, or a read, panicked. Only that one was lost.
    #[error("an access to the database panicked")]
    Panicked,
    /// The database is being closed.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn record(what: impl ToString) -> Self {
        Self::Record(what.to_string())
    }

    /// For `map_err`: names the path that an error of the file system is about.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::File { path, error: Arc::new(error) }
    }

    /// Whether the same call may succeed later: a full disk can be emptied, a lock is given back.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Database(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::OutOfMemory
                        | ErrorCode::OperationInterrupted
                        | ErrorCode::CannotOpen
                )
            ),
            Self::File { error, .. } => !matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
            ),
            Self::Closed => true,
            Self::Record(_) | Self::Panicked => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<StoreError> for PortError {
    fn from(error: StoreError) -> Self {
        if error.may_pass() { Self::retry(error) } else { Self::fail(error) }
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Port(error.into())
    }
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Port(error.into())
    }
}

/// Why a data folder, its database or a watched folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is a database of something else.
    #[error("{} is not a database of Cutline", .0.display())]
    NotOurs(PathBuf),
    /// The database was written by a later version.
    #[error("{} was written by a newer version of Cutline (schema {found}, this version knows {known})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
        /// The newest one this version knows.
        known: i64,
    },
    /// Another server works in the folder.
    #[error("another cutline server is using {}; stop it, or give this one its own folder", .0.display())]
    InUse(PathBuf),
    /// The secret that signs links is damaged.
    #[error("{} does not hold 32 bytes; remove it, and links signed so far stop working", .0.display())]
    BadSecret(PathBuf),
    /// The system has no randomness to give.
    #[error("no random numbers: {0}")]
    NoRandomness(getrandom::Error),
    /// Something in the folder could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database could not be opened or brought up to date.
    #[error("{}: {error}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        error: rusqlite::Error,
    },
}
