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
    /// A file of the open store is no longer the one that was opened.
    #[error("lost {}: it was removed or replaced while the server was running; put it back and restart the server", .0.display())]
    Lost(PathBuf),
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
                    | io::ErrorKind::InvalidFilename
                    | io::ErrorKind::Unsupported
            ),
            // Nothing is wrong with the call, and it succeeds after a restart.
            Self::Lost(_) | Self::Closed => true,
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
    /// The folder can be used by others too, and contains more than Cutline's files.
    #[error(
        "data folder open to other users: {} also contains `{entry}`, so its permissions are left alone; \
         run `chmod go= {}`, or choose another folder", path.display(), path.display()
    )]
    SharedFolder {
        /// The data folder.
        path: PathBuf,
        /// A file or folder in it that is not Cutline's.
        entry: String,
    },
    /// Others can use a file or folder of the store, and this user may not change that.
    #[error(
        "open to other users: {} has mode {mode:o} and belongs to another user; run `chmod go= {}` as its owner, or \
         choose another folder", path.display(), path.display()
    )]
    NotPrivate {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
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
