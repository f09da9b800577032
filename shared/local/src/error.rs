//! Faults of the store, and whether they are transient.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutline_core::ports::{CreateError, PortError, PutSetError, WriteError};
use rusqlite::ErrorCode;
use tokio::task::JoinError;

/// A fault of the database or of a file. Cheap to clone: a failed commit fails every change in it with the same error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// SQLite's error.
    #[error("database: {0}")]
    Database(Arc<rusqlite::Error>),
    /// A record is not valid in this version.
    #[error("invalid record: {0}")]
    Record(String),
    /// A file or folder cannot be used.
    #[error("{}: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The operating system's error.
        error: Arc<io::Error>,
    },
    /// A receipt that this queue did not issue.
    #[error("not a receipt of this queue")]
    InvalidReceipt,
    /// A change or read panicked. It was undone; no other is affected.
    #[error("a database access panicked")]
    Panicked,
    /// The database is closing.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn record(detail: impl ToString) -> Self {
        Self::Record(detail.to_string())
    }

    /// For `map_err`: adds the path to a file system error.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::File { path, error: Arc::new(error) }
    }

    /// Whether the same call may succeed later: a full disk is freed, a lock released.
    pub fn is_transient(&self) -> bool {
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
            Self::Record(_) | Self::InvalidReceipt | Self::Panicked => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<JoinError> for StoreError {
    fn from(error: JoinError) -> Self {
        if error.is_panic() { Self::Panicked } else { Self::Closed }
    }
}

impl From<StoreError> for PortError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::retry(error) } else { Self::fail(error) }
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Port(error.into())
    }
}

impl From<StoreError> for PutSetError {
    fn from(error: StoreError) -> Self {
        Self::Port(error.into())
    }
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Port(error.into())
    }
}

/// The reason why a data folder, its database or a watched folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is another program's database.
    #[error("not a Cutline database: {}; choose another data folder", .0.display())]
    NotOurs(PathBuf),
    /// The database was written by a newer version.
    #[error("{} was written by a newer version of Cutline: schema {found}, supported up to {supported}; upgrade", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
        /// The newest that this version supports.
        supported: i64,
    },
    /// Another server uses the folder.
    #[error("another cutline server is using {}; stop it, or give this one its own folder", .0.display())]
    InUse(PathBuf),
    /// The secret that signs links is damaged.
    #[error("damaged link secret: {} does not have 32 bytes; remove it, and existing links stop working", .0.display())]
    BadSecret(PathBuf),
    /// The operating system provides no random numbers.
    #[error("no random numbers: {0}")]
    NoRandomness(getrandom::Error),
    /// Something in the folder cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database cannot be opened or migrated.
    #[error("{}: {error}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// SQLite's error.
        error: rusqlite::Error,
    },
}
