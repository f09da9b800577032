//! Errors of the ports.

use jiff::Timestamp;

/// An adapter's own error, of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A port call failed.
///
/// Use cases act on the variant alone; the source is for the log.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another attempt may succeed: a timeout, a throttle, a lost connection. The change may have been made or not.
    #[error("temporary fault: {0}")]
    Retry(#[source] BoxError),
    /// No attempt can succeed: a missing permission, a missing table, an unreadable record. Nothing was changed.
    #[error("permanent fault: {0}")]
    Fail(#[source] BoxError),
}

impl PortError {
    /// A temporary fault.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::Retry(error.into())
    }

    /// A permanent fault.
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self::Fail(error.into())
    }
}

/// A conditional change was not made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The stored record is not the one that the change is based on. Nothing was changed.
    #[error("the record was changed in the meantime")]
    Conflict,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A parameter set was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutSetError {
    /// The stored set does not meet the precondition. Nothing was changed.
    #[error("the set was changed in the meantime")]
    Conflict,
    /// The set is new, and its owner has as many as allowed. Nothing was changed.
    #[error("the owner has too many sets")]
    TooMany,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<WriteError> for PutSetError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => Self::Conflict,
            WriteError::Port(error) => Self::Port(error),
        }
    }
}

/// An owner's settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeOwnerError {
    /// The change adds or subtracts credits that are not counted, or subtracts more than are left. Nothing was changed.
    #[error("the owner's credits are not counted, or too few")]
    Credits,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// An upload was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenUploadError {
    /// The owner has too many open uploads. Nothing was changed.
    #[error("the owner has too many open uploads")]
    TooMany {
        /// When the first of them expires.
        until: Timestamp,
    },
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A job's record was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The owner has no credit left. Nothing was changed.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// A job with this id, or the job's identity, exists already. Nothing was changed.
    #[error("the job or its identity exists already")]
    Exists,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}
