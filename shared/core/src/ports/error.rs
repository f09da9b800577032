//! Errors of the ports.

/// The error that an adapter met, whatever its type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A port could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// It may later: a time-out, a throttle, a lost connection. Whether the change was made is not known.
    #[error("temporary fault: {0}")]
    Retry(#[source] BoxError),
    /// It never will: a missing permission, a missing table, a record that cannot be read.
    #[error("permanent fault: {0}")]
    Fail(#[source] BoxError),
}

impl PortError {
    /// A fault that may pass.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::Retry(error.into())
    }

    /// A fault that stays.
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self::Fail(error.into())
    }
}

/// A conditional change was not made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// What is stored is not what the change was based on. Nothing was changed.
    #[error("the record was changed in between")]
    Conflict,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A job's record was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The owner has no credit left. Nothing was changed.
    #[error("the owner has no credit left")]
    InsufficientCredits,
    /// There is a record with that id. Nothing was changed.
    #[error("there is a job with this id")]
    Exists,
    /// The store has a fault.
    #[error(transparent)]
    Port(#[from] PortError),
}
